"""Frames around Modbus PDUs: MBAP for TCP, unit id and checksum for RTU.

Decides where an answer ends and whether its frame is whole. Never waits, never skips bytes in search of something better:
a frame is whole, not yet whole, or the stream is broken. (The library encodes. Decoding stays here: it hunts through garbage
for a frame, drops an answer with a foreign unit id without a word, and waits on after a wrong protocol id.)

Source: MODBUS Messaging on TCP/IP V1.0b, section 3.1.3; MODBUS over Serial Line V1.02, section 2.5.1.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU

from protocols.errors import MalformedError
from protocols.modbus.dialogue import EXCEPTION_FLAG
from protocols.modbus.guard import Allowed, AllowedMei, Check, check_adu_rtu, check_adu_tcp

MAX_MBAP_LENGTH = 254  # unit id and a PDU of at most 253 bytes
MAX_RTU_BYTES = 256
BYTE_COUNTED = frozenset({Allowed.READ_HOLDING_REGISTERS, Allowed.READ_INPUT_REGISTERS, Allowed.REPORT_SERVER_ID})


@dataclass(frozen=True, slots=True)
class Frame:
    """One answer, unwrapped.

    Attributes:
        unit: Unit id that answered, 0 to 255.
        pdu: Function code and data; at least one byte.
        size_bytes: Bytes of the whole frame.
        transaction: Transaction id; None in RTU, which has none.
    """

    unit: int
    pdu: bytes
    size_bytes: int
    transaction: int | None = None


@dataclass(frozen=True, slots=True)
class Framing:
    """One way to wrap PDUs.

    Attributes:
        encode: PDU, unit id and transaction id to the bytes of a frame.
        decode: The first frame of what came, or None while it is incomplete; `MalformedError` if it can never be one.
        salvage: What came as one frame after all, asked when nothing more will come; None if it is none.
        check: The read-only guard for such frames.
        numbered: Whether frames carry a transaction id, so that a late answer cannot pass for the next one.
    """

    encode: Callable[[bytes, int, int], bytes]
    decode: Callable[[bytes], Frame | None]
    salvage: Callable[[bytes], Frame | None]
    check: Check
    numbered: bool


def decode_tcp(received: bytes) -> Frame | None:
    """Return the first frame, or None while it is incomplete.

    Raises:
        MalformedError: These bytes can never become a Modbus/TCP frame.

    >>> decode_tcp(bytes.fromhex("000100000003 01ab01")).pdu.hex()
    'ab01'
    """
    if len(received) < 6:
        return None
    protocol, length = int.from_bytes(received[2:4], "big"), int.from_bytes(received[4:6], "big")
    if protocol != 0 or not 2 <= length <= MAX_MBAP_LENGTH:
        raise MalformedError(f"not Modbus/TCP: it answered {received[:16].hex()}")
    size = 6 + length
    if len(received) < size:
        return None
    return Frame(received[6], received[7:size], size, int.from_bytes(received[:2], "big"))


def decode_rtu(received: bytes) -> Frame | None:
    """Return the first frame, or None while it is incomplete.

    RTU has no length field and its end is a pause, which a network does not keep. So the length is worked out from the PDU,
    and where a device miscounts its own objects, a valid checksum over all that came ends the frame (`salvage_rtu`).

    Raises:
        MalformedError: More bytes than any frame has, and none with a valid checksum.
    """
    size = rtu_size(received)
    if size is not None and size <= len(received) and _checksum_holds(received[:size]):
        return Frame(received[0], received[1 : size - 2], size)
    if len(received) > MAX_RTU_BYTES:
        raise MalformedError(f"not Modbus RTU: it answered {received[:16].hex()}")
    return None


def salvage_rtu(received: bytes) -> Frame | None:
    """Return all that came as one frame if its checksum holds: for the moment when nothing more will come."""
    if 4 <= len(received) <= MAX_RTU_BYTES and _checksum_holds(received):
        return Frame(received[0], received[1:-2], len(received))
    return None


def rtu_size(received: bytes) -> int | None:
    """Work out how many bytes the whole frame has; None while that cannot be known."""
    match tuple(received[1:4]):
        case (function, *_) if function & EXCEPTION_FLAG:
            return 5
        case (function, count, *_) if function in BYTE_COUNTED:
            return 5 + count
        case (Allowed.ENCAPSULATED_INTERFACE, AllowedMei.READ_DEVICE_IDENTIFICATION, _):
            return _identification_size(received)
        case _:
            return None


def _identification_size(received: bytes) -> int | None:
    """Walk the objects of a device identification: the answer carries no byte count."""
    if len(received) < 8:
        return None
    end = 8
    for _ in range(received[7]):
        if len(received) < end + 2:
            return None
        end += 2 + received[end + 1]
    return end + 2


def _checksum_holds(frame: bytes) -> bool:
    return FramerRTU.compute_CRC(frame[:-2]) == int.from_bytes(frame[-2:], "big")


TCP = Framing(
    encode=FramerSocket(DecodePDU(is_server=False)).encode,
    decode=decode_tcp,
    salvage=lambda _received: None,
    check=check_adu_tcp,
    numbered=True,
)
RTU = Framing(
    encode=FramerRTU(DecodePDU(is_server=False)).encode,
    decode=decode_rtu,
    salvage=salvage_rtu,
    check=check_adu_rtu,
    numbered=False,
)
