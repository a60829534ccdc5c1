"""A TCP server that answers Modbus requests badly, on purpose. It hears and counts everything, and is told what to send."""

import asyncio
import socket
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Self


class Then(Enum):
    STAY = auto()
    CLOSE = auto()
    RESET = auto()


@dataclass(frozen=True)
class Reply:
    """What to send for one request: chunks with a moment between them, and what to do after."""

    chunks: tuple[bytes, ...] = ()
    then: Then = Then.STAY


Behaviour = Callable[[bytes], Reply]


def says(*chunks: bytes, then: Then = Then.STAY) -> Behaviour:
    return lambda _request: Reply(chunks, then)


def mbap(pdu: bytes, request: bytes, *, tid: int | None = None, unit: int | None = None) -> bytes:
    """Wrap a PDU as the answer to this request, or as another one's."""
    number = request[:2] if tid is None else tid.to_bytes(2, "big")
    return number + b"\0\0" + (len(pdu) + 1).to_bytes(2, "big") + bytes((request[6] if unit is None else unit,)) + pdu


def one_by_one(frame: bytes) -> Iterable[bytes]:
    return (frame[at : at + 1] for at in range(len(frame)))


class Rogue:
    """Listens on a free port; `behaviour` is asked once for each chunk that arrives, `greeting` once for each connection."""

    def __init__(self, behaviour: Behaviour, *, greeting: Reply | None = None) -> None:
        self.behaviour = behaviour
        self.greeting = greeting
        self.heard = bytearray()
        self.connections = 0
        self.fins = 0
        self.resets = 0
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_exception: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.current_task())  # type: ignore[arg-type]  # there always is one here
        self.connections += 1
        try:
            going_on = self.greeting is None or await self._perform(self.greeting, writer)
            while going_on:
                data = await reader.read(4096)
                self.heard += data
                if not data:
                    self.fins += 1
                    break
                going_on = await self._perform(self.behaviour(data), writer)
        except ConnectionError:
            self.resets += 1
        except asyncio.CancelledError:
            pass
        finally:
            writer.close()

    async def _perform(self, reply: Reply, writer: asyncio.StreamWriter) -> bool:
        for chunk in reply.chunks:
            writer.write(chunk)
            await writer.drain()
            await asyncio.sleep(0)
        match reply.then:
            case Then.STAY:
                return True
            case Then.CLOSE:
                return False
            case Then.RESET:
                linger = struct.pack("ii", 1, 0)  # close with RST, not FIN
                writer.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                writer.transport.abort()
                return False
