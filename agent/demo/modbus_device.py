"""Simulated Modbus devices: several units behind one TCP listener, as a gateway or a single device shows them.

Decides how a unit answers. Never speaks to anything real, and never accepts a write: it records whatever it is asked, so that
a demo or a test can show what reached it and how each connection ended. What a unit is may change while it runs.

Source: MODBUS Application Protocol Specification V1.1b3, sections 6.3, 6.4, 6.13, 6.21 and 7; MODBUS Messaging on TCP/IP V1.0b,
section 3.1.3; MODBUS over Serial Line V1.02, section 2.5.1.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Self

READ_HOLDING, READ_INPUT, SERVER_ID, IDENTIFICATION = 0x03, 0x04, b"\x11", b"\x2b\x0e"
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, NO_PATH = 0x01, 0x02, 0x03, 0x0A
LAST_OBJECT_OF_STREAM = {1: 0x02, 2: 0x06, 3: 0xFF}  # basic, regular, extended
FROM_ZERO_STREAM = 0  # what the few that number from 0 call the basic stream
INDIVIDUAL = 4


class Manner(Enum):
    """How a unit takes to being asked who it is."""

    STREAMS = auto()  # as the specification says
    INDIVIDUAL_ONLY = auto()  # refuses streams with exception 3
    FROM_ZERO = auto()  # numbers its one stream from 0, and knows single objects
    NO_IDENTIFICATION = auto()  # does not know function code 43
    SILENT = auto()  # takes the question and says nothing, to anything
    HANGS_UP = auto()  # closes the connection, whatever is asked


@dataclass(slots=True, kw_only=True)
class Unit:
    """One device. Change it while it runs: its next answer shows it.

    Attributes:
        objects: Device identification, object id to value.
        conformity: Its conformity level byte; 0x80 allows individual access.
        manner: How it takes to being asked.
        server_id: What it reports to function code 17; empty if it does not know it.
        page_bytes: Bytes of objects in one answer of a stream, 3 to 246.
        holding: Registers of function code 3, address to value.
        inputs: Registers of function code 4, address to value.
    """

    objects: dict[int, bytes] = field(default_factory=dict)
    conformity: int = 0x82
    manner: Manner = Manner.STREAMS
    server_id: bytes = b""
    page_bytes: int = 246
    holding: dict[int, int] = field(default_factory=dict)
    inputs: dict[int, int] = field(default_factory=dict)

    def answer(self, pdu: bytes) -> bytes:
        """Return the response to a request, an exception included."""
        if pdu[:1] in (bytes((READ_HOLDING,)), bytes((READ_INPUT,))) and len(pdu) == 5:
            return self._registers(pdu)
        if pdu == SERVER_ID and self.server_id:
            return SERVER_ID + bytes((len(self.server_id),)) + self.server_id
        if pdu[:2] == IDENTIFICATION and len(pdu) == 4 and self.manner is not Manner.NO_IDENTIFICATION:
            return self._identification(pdu[2], pdu[3])
        return _exception(pdu, ILLEGAL_FUNCTION)

    def _registers(self, pdu: bytes) -> bytes:
        bank = self.holding if pdu[0] == READ_HOLDING else self.inputs
        first, count = int.from_bytes(pdu[1:3], "big"), int.from_bytes(pdu[3:5], "big")
        if not 1 <= count <= 125:
            return _exception(pdu, ILLEGAL_VALUE)
        values = [bank.get(first + at) for at in range(count)]
        if None in values:
            return _exception(pdu, ILLEGAL_ADDRESS)
        return bytes((pdu[0], 2 * count)) + b"".join(value.to_bytes(2, "big") for value in values if value is not None)

    def _identification(self, access: int, object_id: int) -> bytes:
        if access == INDIVIDUAL and (self.conformity & 0x80 or self.manner is Manner.INDIVIDUAL_ONLY):
            if object_id not in self.objects:
                return _exception(IDENTIFICATION, ILLEGAL_ADDRESS)
            return self._page(access, [object_id], more=None)
        if access not in self._streams:
            return _exception(IDENTIFICATION, ILLEGAL_VALUE)
        last = LAST_OBJECT_OF_STREAM[min(access or 0x02, self.conformity & 0x03)]
        stream = [known for known in sorted(self.objects) if known <= last]
        rest = [known for known in stream if known >= object_id] if object_id in stream else stream
        page = self._fitting(rest)
        return self._page(access, page, more=rest[len(page)] if len(page) < len(rest) else None)

    @property
    def _streams(self) -> frozenset[int]:
        """The access codes of the streams that it answers."""
        match self.manner:
            case Manner.INDIVIDUAL_ONLY:
                return frozenset()
            case Manner.FROM_ZERO:
                return frozenset({FROM_ZERO_STREAM})
            case _:
                return frozenset(LAST_OBJECT_OF_STREAM)

    def _fitting(self, object_ids: list[int]) -> list[int]:
        """Return as many objects as fit into one answer, one at least."""
        room, fitting = self.page_bytes, list[int]()
        for object_id in object_ids:
            room -= 2 + len(self.objects[object_id])
            if fitting and room < 0:
                break
            fitting.append(object_id)
        return fitting

    def _page(self, access: int, object_ids: list[int], *, more: int | None) -> bytes:
        head = bytes((access, self.conformity, 0x00 if more is None else 0xFF, more or 0x00, len(object_ids)))
        values = ((object_id, self.objects[object_id]) for object_id in object_ids)
        return IDENTIFICATION + head + b"".join(bytes((object_id, len(value))) + value for object_id, value in values)


class ModbusDevice:
    """A listener with units behind it. `stop` and `start` make it vanish and come back on the same port.

    Attributes:
        units: Unit id to unit; an unknown unit id is answered as a gateway without a path does. May change at any time.
        host: Where it listens.
        port: Where it listens; 0 until the first `start` chose one.
        requests: `(unit id, PDU)` of every request, in the order received.
        connections: How many were accepted.
        fins: How many the other side ended cleanly.
        resets: How many the other side broke.
    """

    def __init__(self, units: Mapping[int, Unit], *, rtu: bool = False, host: str = "127.0.0.1", port: int = 0) -> None:
        self.units = dict(units)
        self.host = host
        self.port = port
        self.requests: list[tuple[int, bytes]] = []
        self.connections = 0
        self.fins = 0
        self.resets = 0
        self._read = _read_rtu if rtu else _read_tcp
        self._wrap = _wrap_rtu if rtu else _wrap_tcp
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen; on the same port as before if it ever did."""
        self._server = await asyncio.start_server(self._serve, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Vanish: close the listener and every connection."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
            for writer in tuple(self._open):
                writer.close()
            await server.wait_closed()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until either side ends it, and note how it ended."""
        self.connections += 1
        self._open.add(writer)
        try:
            while await self._answer_one(reader, writer):
                pass
        except asyncio.IncompleteReadError:
            self.fins += not writer.is_closing()
        except ConnectionError:
            self.resets += 1
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Take one request and answer it as its unit does; return whether the connection goes on."""
        header, unit_id, pdu = await self._read(reader)
        self.requests.append((unit_id, pdu))
        unit = self.units.get(unit_id)
        if unit is not None and unit.manner is Manner.HANGS_UP:
            return False
        if unit is None or unit.manner is not Manner.SILENT:
            writer.write(self._wrap(header, unit_id, unit.answer(pdu) if unit else _exception(pdu, NO_PATH)))
            await writer.drain()
        return True


def checksum(frame: bytes) -> bytes:
    """Return the CRC-16 that ends an RTU frame, low byte first."""
    crc = 0xFFFF
    for byte in frame:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xA001 if crc & 1 else 0)
    return crc.to_bytes(2, "little")


def _exception(pdu: bytes, code: int) -> bytes:
    return bytes((pdu[0] | 0x80, code)) if pdu else b""


async def _read_tcp(reader: asyncio.StreamReader) -> tuple[bytes, int, bytes]:
    """Return the header to echo, the unit id and the PDU of one MBAP frame."""
    header = await reader.readexactly(6)
    rest = await reader.readexactly(int.from_bytes(header[4:6], "big"))
    return header[:4], rest[0] if rest else 0, rest[1:]


def _wrap_tcp(header: bytes, unit_id: int, pdu: bytes) -> bytes:
    return header + (1 + len(pdu)).to_bytes(2, "big") + bytes((unit_id,)) + pdu


async def _read_rtu(reader: asyncio.StreamReader) -> tuple[bytes, int, bytes]:
    """Return no header, the unit id and the PDU of one RTU frame; what is no read is taken as it came."""
    start = await reader.readexactly(2)
    sizes = {READ_HOLDING: 8, READ_INPUT: 8, SERVER_ID[0]: 4, IDENTIFICATION[0]: 7}
    rest = await reader.readexactly(sizes[start[1]] - 2) if start[1] in sizes else await reader.read(254)
    return b"", start[0], start[1:] + rest[:-2]


def _wrap_rtu(_header: bytes, unit_id: int, pdu: bytes) -> bytes:
    frame = bytes((unit_id,)) + pdu
    return frame + checksum(frame)
