"""A broker of a few lines that answers as a test wants it to: what mosquitto never says, or says only on a bad day.

Speaks as much of MQTT 5 as a gateway hears: CONNACK, PUBACK, SUBACK, PINGRESP, DISCONNECT. Passes nothing on to anybody.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

CONNECT, PUBLISH, SUBSCRIBE, PINGREQ = 1, 3, 8, 12

Decision = Callable[[str, bytes], "int | Hangup"]


@dataclass(frozen=True)
class Hangup:
    """The broker's last word: a DISCONNECT with this reason code."""

    reason_code: int


def takes_everything(_topic: str, _payload: bytes) -> int:
    return 0


@dataclass
class Scripted:
    """What came, and how it is answered.

    Attributes:
        decide: The reason code of the PUBACK for a message, or the end.
        receive_maximum: How many messages it takes at once; one more, and it hangs up with 0x93.
        greeting: Reason code of the CONNACK.
        delay_s: How long a message waits for its answer.
    """

    decide: Decision = takes_everything
    receive_maximum: int = 65_535
    greeting: int = 0
    delay_s: float = 0.0
    port: int = 0
    connections: int = 0
    most_unanswered: int = 0
    came: list[tuple[str, bytes]] = field(default_factory=list)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client hung up
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        waiting: asyncio.Queue[bytes] = asyncio.Queue()
        answering = asyncio.create_task(self._answer(waiting, writer))
        try:
            while True:
                kind, body = await _packet(reader)
                match kind:
                    case 1:
                        self.connections += 1
                        writer.write(_frame(0x20, bytes((0, self.greeting, 3, 0x21)) + self.receive_maximum.to_bytes(2)))
                    case 3:
                        if not self._take(body, waiting, writer):
                            await writer.drain()
                            return
                    case 8:
                        writer.write(_frame(0x90, body[:2] + b"\0\1"))
                    case 12:
                        writer.write(_frame(0xD0, b""))
        finally:
            answering.cancel()

    def _take(self, body: bytes, waiting: asyncio.Queue[bytes], writer: asyncio.StreamWriter) -> bool:
        """Take one message; return whether the connection goes on."""
        size = int.from_bytes(body[:2])
        topic, message_id, rest = body[2 : 2 + size].decode(), body[2 + size : 4 + size], body[4 + size :]
        payload = rest[1 + rest[0] :]  # no message of ours has 128 bytes of properties
        said = self.decide(topic, payload)
        self.most_unanswered = max(self.most_unanswered, waiting.qsize() + 1)
        if waiting.qsize() >= self.receive_maximum:
            said = Hangup(0x93)
        if isinstance(said, Hangup):
            writer.write(_frame(0xE0, bytes((said.reason_code, 0))))
            return False
        self.came.append((topic, payload))
        waiting.put_nowait(_frame(0x40, message_id + bytes((said, 0))))
        return True

    async def _answer(self, waiting: asyncio.Queue[bytes], writer: asyncio.StreamWriter) -> None:
        while True:
            while waiting.empty():
                await asyncio.sleep(0.001)
            await asyncio.sleep(self.delay_s)
            writer.write(waiting.get_nowait())


async def _packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, size, shift = (await reader.readexactly(1))[0], 0, 0
    while True:
        [digit] = await reader.readexactly(1)
        size |= (digit & 0x7F) << shift
        shift += 7
        if digit < 0x80:
            return first >> 4, await reader.readexactly(size)


def _frame(first: int, body: bytes) -> bytes:
    return bytes((first, len(body))) + body


@asynccontextmanager
async def scripted(broker: Scripted) -> AsyncIterator[Scripted]:
    """Run it for as long as the block lasts."""
    async with await asyncio.start_server(broker.talk, "127.0.0.1", 0) as server:
        broker.port = server.sockets[0].getsockname()[1]
        yield broker
