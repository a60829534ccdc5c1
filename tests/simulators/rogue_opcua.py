"""OPC UA servers that no standard allows, each with one way of misbehaving.

They know as much of the protocol as it takes to be believed for a moment. Each records what reached it and whether the
connection ended with a FIN.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterable
from enum import Enum
from types import TracebackType
from typing import Any, Self

from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary, uatcp_to_binary

from protocols.opcua.discover import DI_NAMESPACE, NAMESPACE_ARRAY, SERVER_NODES
from protocols.opcua.guard import ALLOWED_SERVICES

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
    ENDLESS_CHUNKS = "answers a request with small chunks and never a last one"
    DRIP = "answers a request one byte at a time"
    CUT = "closes in the middle of an answer"
    LYING_TEXT = "answers a request with a text of two gigabytes that is not there"
    UNKNOWN_WAYS = "offers nothing but policies, modes and tokens that nobody knows"
    NO_SESSION_LEFT = "tells what it offers and has no session left"
    NESTED_NULLS = "answers a Read with a nothing within arrays within arrays, as deep as fits a message"
    MANY_NULLS = "answers a Read with as many nothings as fit a message"
    ENDLESS_PAGES = "answers every Browse with one device and a promise of more"


class RogueServer:
    """A server on loopback that misbehaves.

    Attributes:
        port: Where it listens.
        connections: How many were accepted.
        requests: What was asked, by service, on all of them.
        engaged: Set when it has begun to misbehave.
        ended: Set when a client has ended its connection with a FIN.
    """

    def __init__(self, mode: Mode) -> None:
        self._mode = mode
        self._sequence = 0
        self.requests: Counter[str] = Counter()
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
            await self._answer(request, writer)

    async def _answer(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        service = ALLOWED_SERVICES[int.from_bytes(request[26:28], "little")]
        self.requests[service] += 1
        chunks = self._to_request(int.from_bytes(request[20:24], "little"), service)
        if self._mode is Mode.DRIP:
            chunks = (bytes([byte]) for byte in next(iter(chunks)))
        for chunk in chunks:
            writer.write(chunk[: len(chunk) // 2] if self._mode is Mode.CUT else chunk)
            await writer.drain()
            if self._mode in (Mode.DRIP, Mode.ENDLESS_CHUNKS):
                await asyncio.sleep(0.02)
        if self._mode is Mode.CUT:
            writer.close()

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

    def _to_request(self, request_id: int, service: str) -> Iterable[bytes]:
        match self._mode:
            case Mode.HUGE_ANSWER:
                return [self._message(b"MSGC", request_id, b"\0" * 60_000) for _ in range(8 * MIB // 60_000)]
            case Mode.ENDLESS_CHUNKS:
                return (self._message(b"MSGC", request_id, b"\0") for _ in itertools.count())
            case Mode.DRIP | Mode.CUT:
                return [self._message(b"MSGF", request_id, struct_to_binary(_offers("None", 1)))]
            case Mode.LYING_TEXT:
                offers = struct_to_binary(_offers("None", 1))
                return [self._message(b"MSGF", request_id, offers.replace(b"\x05\0\0\0rogue", b"\xff\xff\xff\x7frogue"))]
            case Mode.UNKNOWN_WAYS:
                return [self._message(b"MSGF", request_id, _with_unknown_numbers(struct_to_binary(_offers("Quantum", 1))))]
            case Mode.NO_SESSION_LEFT | Mode.NESTED_NULLS | Mode.MANY_NULLS | Mode.ENDLESS_PAGES:
                body = self._to_service(service)
                return [self._message(*part) for part in _chunked(request_id, body)]
            case Mode.NONSENSE_ANSWER:
                return [self._message(b"MSGF", request_id, b"\x01\x00\xaf\x01" + b"\xfe" * 300)]
            case Mode.OTHER_ANSWER:
                return [self._message(b"MSGF", request_id + 1, struct_to_binary(ua.GetEndpointsResponse()))]
            case _:
                return [self._message(b"MSGF", request_id, _fault(ua.StatusCodes.BadServiceUnsupported))]

    def _to_service(self, service: str) -> bytes:
        """What a server would answer that misbehaves only later."""
        match service:
            case "GetEndpoints":
                return struct_to_binary(_offers("None", 1))
            case "CreateSession" if self._mode is Mode.NO_SESSION_LEFT:
                return _fault(ua.StatusCodes.BadTooManySessions)
            case "CreateSession":
                created = ua.CreateSessionResponse()
                created.Parameters.ServerEndpoints = _offers("None", 1).Endpoints
                return struct_to_binary(created)
            case "ActivateSession":
                return struct_to_binary(ua.ActivateSessionResponse())
            case "CloseSession":
                return struct_to_binary(ua.CloseSessionResponse())
            case "Read" if self._mode is Mode.NESTED_NULLS:
                return _nested_nulls()
            case "Read" if self._mode is Mode.MANY_NULLS:
                return _many_nulls()
            case "Read":
                return struct_to_binary(_server_with_devices())
            case "Browse" | "BrowseNext":
                return struct_to_binary(_one_page(self.requests.total(), first=service == "Browse"))
            case _:
                return _fault(ua.StatusCodes.BadServiceUnsupported)

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


class Exchange:
    """A port behind which another server stands at each connection: as if a device were swapped while it is asked.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, *ports: int) -> None:
        self._ports = ports
        self._connections = 0
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = self._ports[min(self._connections, len(self._ports) - 1)]
        self._connections += 1
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


def _offers(policy: str, mode: int) -> ua.GetEndpointsResponse:
    """One way in, for anyone."""
    way = ua.EndpointDescription(
        EndpointUrl="opc.tcp://rogue:4840",
        Server=ua.ApplicationDescription(ApplicationUri="urn:rogue", ApplicationName=ua.LocalizedText("rogue")),
        SecurityMode=ua.MessageSecurityMode(mode),
        SecurityPolicyUri=f"http://opcfoundation.org/UA/SecurityPolicy#{policy}",
        UserIdentityTokens=[ua.UserTokenPolicy(PolicyId="id", TokenType=ua.UserTokenType.Anonymous)],
    )
    return ua.GetEndpointsResponse(Endpoints=[way])


def _with_unknown_numbers(offers: bytes) -> bytes:
    """The same with a mode, a token type and an application type of a later edition of the standard."""
    mode = (1).to_bytes(4, "little") + len("http://opcfoundation.org/UA/SecurityPolicy#Quantum").to_bytes(4, "little")
    token = b"\x02\0\0\0id" + (0).to_bytes(4, "little")
    assert mode in offers and token in offers
    return offers.replace(mode, b"\x4d\0\0\0" + mode[4:]).replace(token, token[:-4] + b"\x63\0\0\0")


def _fault(code: int) -> bytes:
    fault: Any = ua.ServiceFault()
    fault.ResponseHeader.ServiceResult = ua.StatusCode(code)
    return struct_to_binary(fault)


def _nested_nulls() -> bytes:
    """A Read answer of one message: an array of one Variant, which is an array of one Variant, and so on."""
    answer = struct_to_binary(ua.ReadResponse(Results=[ua.DataValue(ua.Variant(b"deep"))]))
    one_more_level = b"\x98\x01\0\0\0"
    return answer.replace(b"\x0f\x04\0\0\0deep", one_more_level * 50_000 + b"\0")


def _many_nulls() -> bytes:
    """A Read answer of one message full of arrays of nothings."""
    nothings = ua.Variant([ua.Variant()] * 60_000, ua.VariantType.Variant, is_array=True)
    return struct_to_binary(ua.ReadResponse(Results=[ua.DataValue(nothings)] * 4))


def _server_with_devices() -> ua.ReadResponse:
    """All that is asked of a server in the first Read, of which only the namespaces matter."""
    namespaces = ua.Variant(["http://opcfoundation.org/UA/", "urn:rogue", DI_NAMESPACE], ua.VariantType.String, is_array=True)
    values = [ua.DataValue(namespaces if number == NAMESPACE_ARRAY else ua.Variant()) for number in SERVER_NODES]
    return ua.ReadResponse(Results=values)


def _one_page(number: int, *, first: bool) -> ua.BrowseResponse | ua.BrowseNextResponse:
    """One device, and the promise of another page."""
    device = ua.ReferenceDescription(
        ReferenceTypeId=ua.NodeId(47),
        NodeId=ua.ExpandedNodeId(number, 2),
        BrowseName=ua.QualifiedName(f"Drive_{number}", 2),
        NodeClass=ua.NodeClass.Object,
    )
    page = ua.BrowseResult(ContinuationPoint=b"more", References=[device])
    if first:
        return ua.BrowseResponse(Results=[page])
    return ua.BrowseNextResponse(Parameters=ua.BrowseNextResult(Results=[page]))


def _chunked(request_id: int, body: bytes) -> Iterable[tuple[bytes, int, bytes]]:
    """A message in chunks of a size that every client takes."""
    parts = [body[start : start + 60_000] for start in range(0, len(body), 60_000)]
    return [(b"MSGC" if part is not parts[-1] else b"MSGF", request_id, part) for part in parts]


async def _message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(8)
    return head + await reader.readexactly(int.from_bytes(head[4:8], "little") - 8)
