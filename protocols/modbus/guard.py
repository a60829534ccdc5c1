"""The read-only guard: the last point where bytes to a device are plain, and where anything but a known read stops.

Decides whether bytes may leave. Must never let a byte pass that is not one whole frame around one allowed request, never
depend on what the library above promises, and never be an error that a library swallows (`ForbiddenRequestError` is no
`OSError`). It fails closed: what it does not know, it refuses, methods of the transport included.

The allow-list, and the whole of it (docs/read-only.md is generated from these names):

    03  read holding registers      1 to 125 registers
    04  read input registers        1 to 125 registers
    17  report server id
    43  with MEI type 14 only       read device identification

Source: MODBUS Application Protocol Specification V1.1b3, sections 6.3, 6.4, 6.13 and 6.21; MODBUS Messaging on TCP/IP V1.0b,
section 3.1.3 (MBAP header); MODBUS over Serial Line V1.02, section 2.5.1 (RTU frame).
"""

import struct
from asyncio import BaseTransport, WriteTransport
from collections.abc import Callable
from enum import IntEnum
from typing import Any, NoReturn

from pymodbus.framer import FramerRTU
from pymodbus.transport import ModbusProtocol

from protocols.errors import ForbiddenRequestError


class Allowed(IntEnum):
    """Function codes that may leave. There is no other list."""

    READ_HOLDING_REGISTERS = 0x03
    READ_INPUT_REGISTERS = 0x04
    REPORT_SERVER_ID = 0x11
    ENCAPSULATED_INTERFACE = 0x2B


class AllowedMei(IntEnum):
    """MEI types of function code 43 that may leave. Type 13 carries whole CANopen writes."""

    READ_DEVICE_IDENTIFICATION = 0x0E


ALLOWED_FUNCTIONS = frozenset(Allowed)
ALLOWED_ACCESS = range(5)  # Read Device ID codes: 1 to 4, and 0, which a few drives use for their basic stream
MAX_REGISTERS = 125

Check = Callable[[bytes], None]


def check_pdu(pdu: bytes) -> None:
    """Refuse every PDU but a whole, well-formed read of the allow-list.

    Raises:
        ForbiddenRequestError: It is anything else.

    >>> check_pdu(bytes.fromhex("2b0e0100"))
    """
    match tuple(pdu):
        case (Allowed.READ_HOLDING_REGISTERS | Allowed.READ_INPUT_REGISTERS, _, _, high, low) if (
            1 <= (high << 8 | low) <= MAX_REGISTERS
        ):
            return
        case (Allowed.REPORT_SERVER_ID,):
            return
        case (Allowed.ENCAPSULATED_INTERFACE, AllowedMei.READ_DEVICE_IDENTIFICATION, access, _) if access in ALLOWED_ACCESS:
            return
        case (function, *_) if function in ALLOWED_FUNCTIONS:
            raise ForbiddenRequestError(f"function code {function} in a form that is not on the read-only allow-list")
        case (function, *_):
            raise ForbiddenRequestError(f"function code {function} is not on the read-only allow-list")
        case _:
            raise ForbiddenRequestError("an empty request")


def check_adu_tcp(adu: bytes) -> None:
    """Refuse everything but exactly one whole MBAP frame around an allowed PDU.

    Raises:
        ForbiddenRequestError: It is anything else.
    """
    if len(adu) < 8:
        raise ForbiddenRequestError("bytes that are not a whole MBAP frame")
    _transaction, protocol, length = struct.unpack_from(">HHH", adu)
    if protocol != 0 or length != len(adu) - 6:
        raise ForbiddenRequestError("bytes that are not exactly one MBAP frame")
    check_pdu(adu[7:])


def check_adu_rtu(adu: bytes) -> None:
    """Refuse everything but exactly one whole RTU frame around an allowed PDU.

    Every request of the allow-list has one fixed length, so a second frame behind the first cannot pass as part of it.

    Raises:
        ForbiddenRequestError: It is anything else.
    """
    if len(adu) < 4:
        raise ForbiddenRequestError("bytes that are not a whole RTU frame")
    if FramerRTU.compute_CRC(adu[:-2]) != int.from_bytes(adu[-2:], "big"):
        raise ForbiddenRequestError("an RTU frame whose checksum is wrong")
    check_pdu(adu[1:-2])


def guard(protocol: ModbusProtocol, check: Check) -> None:
    """Put the guard between a pymodbus protocol and every transport that it will ever be given, reconnects included.

    Args:
        protocol: The library's object that owns a transport (a client's `ctx`, or our own).
        check: `check_adu_tcp` or `check_adu_rtu`, as the protocol frames.
    """
    create, made = protocol.call_create, protocol.connection_made

    async def guarded_create() -> tuple[GuardedTransport, Any]:
        """Connect as the library does, and never hand the raw transport back."""
        transport, other = await create()
        return GuardedTransport(transport, check), other

    def guarded_made(transport: BaseTransport) -> None:
        made(GuardedTransport(transport, check))  # type: ignore[arg-type]  # what it needs of a transport, the guard has

    protocol.call_create = guarded_create
    protocol.connection_made = guarded_made  # type: ignore[method-assign]  # the only place where the raw transport passes


class GuardedTransport:
    """A transport that writes allowed reads, closes, and refuses everything else that a transport can do."""

    __slots__ = ("_check", "_raw")

    def __init__(self, raw: WriteTransport | BaseTransport, check: Check) -> None:
        self._raw: Any = raw
        self._check = check

    def write(self, data: bytes) -> None:
        """Write one allowed frame.

        Raises:
            ForbiddenRequestError: It is anything else. Nothing was written.
        """
        frame = bytes(data)  # a copy: what was checked is what is written
        self._check(frame)
        self._raw.write(frame)

    def half_close(self) -> bool:
        """Send FIN and keep listening, so that a late answer meets an open socket and no RST; False where there is no FIN."""
        if self._raw.is_closing() or not self._raw.can_write_eof():
            return False
        try:
            self._raw.write_eof()
        except OSError:  # the device reset the connection a moment ago
            return False
        return True

    def close(self) -> None:
        """Close the transport."""
        self._raw.close()

    def abort(self) -> None:
        """Close the transport at once."""
        self._raw.abort()

    def is_closing(self) -> bool:
        """Tell whether it is closed or closing."""
        return bool(self._raw.is_closing())

    def __getattr__(self, name: str) -> NoReturn:
        raise ForbiddenRequestError(f"{name} of a transport is not on the read-only allow-list")
