"""OPC UA servers that no standard allows, each with one way of misbehaving.

They know as much of the protocol as it takes to be believed for a moment. Each records what reached it and whether the
connection ended with a FIN.
"""

import asyncio
from enum import Enum
from types import TracebackType
from typing import Any, Self

from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary, uatcp_to_binary

MIB = 1024 * 1024
CHANNEL_ID, TOKEN_ID = 7, 1


class Mode(Enum):
    """What goes wrong, and after which message."""

    SILENT = "accepts and never answers"
    HANGS_UP = "closes at once"
    HANGS_UP_ON_HELLO = "closes after the Hello"
    GARBAGE = "answers the Hello with noise"
    ENDLESS_CHUNK = "announces a chunk of 4 GiB and sends 8 MiB of it"
    UNWILLING = "answers the Hello with an error"
    SILENT_CHANNEL = "acknowledges and never opens the channel"
    BOMB = "opens the channel with an array of two billion nothings"
    HUGE_ANSWER = "answers a request with a message of 8 MiB in whole chunks"
    NONSENSE_ANSWER = "answers a request with noise in a whole message"
    OTHER_ANSWER = "answers a request that was never made"
    FAULT = "answers every request with a service fault"


class RogueServer:
    """A server on loopback that misbehaves.

    Attributes:
        port: Where it listens.
        connections: How many were accepted.
        engaged: Set when it has begun to misbehave.
        ended: Set when a client has ended its connection with a FIN.
    """

    def __init__(self, mode: Mode) -> None:
        self._mode = mode
        self._sequence = 0
        self.port = 0
        self.connections = 0
        self.ended = asyncio.Event()
        self.engaged = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._sequence = 0
        try:
            await self._misbehave(reader, writer)
            while await reader.read(65536):
                pass
            self.ended.set()
        except asyncio.IncompleteReadError:
            self.ended.set()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _misbehave(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._mode is Mode.HANGS_UP:
            writer.close()
            return
        if self._mode is Mode.SILENT:
            self.engaged.set()
            return
        await _message(reader)
        if (answer := self._to_hello()) is not None:
            writer.write(answer)
        self.engaged.set()
        if self._mode is Mode.HANGS_UP_ON_HELLO:
            writer.close()
        if self._mode.value.find("Hello") >= 0 or self._mode in (Mode.ENDLESS_CHUNK, Mode.SILENT_CHANNEL):
            return
        await _message(reader)
        writer.write(self._open())
        while (request := await _message(reader))[:3] == b"MSG":
            for chunk in self._to_request(int.from_bytes(request[20:24], "little")):
                writer.write(chunk)
                await writer.drain()

    def _to_hello(self) -> bytes | None:
        match self._mode:
            case Mode.HANGS_UP_ON_HELLO:
                return None
            case Mode.GARBAGE:
                return bytes(range(256))
            case Mode.ENDLESS_CHUNK:
                return b"ACKF" + (0xFFFFFFFF).to_bytes(4, "little") + b"\0" * (8 * MIB)
            case Mode.UNWILLING:
                error = ua.ErrorMessage(ua.StatusCode(ua.StatusCodes.BadTcpServerTooBusy), "no\x1b[2J")
                return uatcp_to_binary(ua.MessageType.Error, error)
            case _:
                return uatcp_to_binary(ua.MessageType.Acknowledge, ua.Acknowledge())

    def _open(self) -> bytes:
        """An answer to OpenSecureChannel, good or with a bomb in its header."""
        response = ua.OpenSecureChannelResponse()
        response.Parameters.SecurityToken = ua.ChannelSecurityToken(
            ChannelId=CHANNEL_ID, TokenId=TOKEN_ID, RevisedLifetime=60_000
        )
        response.Parameters.ServerNonce = b""
        if self._mode is Mode.BOMB:
            nothings = ua.Variant([None] * 5, ua.VariantType.Null, is_array=True)
            response.ResponseHeader.AdditionalHeader = ua.KeyValuePair(Key=ua.QualifiedName("k"), Value=nothings)
        body = struct_to_binary(response).replace(b"\x80\x05\0\0\0", b"\x80\xff\xff\xff\x7f")
        security = struct_to_binary(ua.AsymmetricAlgorithmHeader())
        return self._chunk(b"OPNF", security, 1, body)

    def _to_request(self, request_id: int) -> list[bytes]:
        match self._mode:
            case Mode.HUGE_ANSWER:
                return [self._message(b"MSGC", request_id, b"\0" * 60_000) for _ in range(8 * MIB // 60_000)]
            case Mode.NONSENSE_ANSWER:
                return [self._message(b"MSGF", request_id, b"\x01\x00\xaf\x01" + b"\xfe" * 300)]
            case Mode.OTHER_ANSWER:
                return [self._message(b"MSGF", request_id + 1, struct_to_binary(ua.GetEndpointsResponse()))]
            case _:
                fault: Any = ua.ServiceFault()
                fault.ResponseHeader.ServiceResult = ua.StatusCode(ua.StatusCodes.BadServiceUnsupported)
                return [self._message(b"MSGF", request_id, struct_to_binary(fault))]

    def _message(self, kind: bytes, request_id: int, body: bytes) -> bytes:
        return self._chunk(kind, TOKEN_ID.to_bytes(4, "little"), request_id, body)

    def _chunk(self, kind: bytes, security: bytes, request_id: int, body: bytes) -> bytes:
        self._sequence += 1
        rest = (
            CHANNEL_ID.to_bytes(4, "little")
            + security
            + self._sequence.to_bytes(4, "little")
            + request_id.to_bytes(4, "little")
            + body
        )
        return kind + (8 + len(rest)).to_bytes(4, "little") + rest


async def _message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(8)
    return head + await reader.readexactly(int.from_bytes(head[4:8], "little") - 8)
