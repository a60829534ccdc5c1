"""Frames: whole, not yet whole, or broken; the same whether bytes come at once or one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.demo.modbus_device import checksum
from protocols.errors import MalformedError
from protocols.modbus.frames import RTU, TCP, Frame, Framing, decode_rtu, decode_tcp, rtu_size, salvage_rtu

IDENTITY = bytes.fromhex("2b0e0282000003000441434d4501025037 0203322e31")
PDUS = [IDENTITY, bytes.fromhex("0304002a0001"), bytes.fromhex("110341ff42"), bytes.fromhex("ab01")]


def rtu(pdu: bytes, unit: int = 1) -> bytes:
    return bytes((unit,)) + pdu + checksum(bytes((unit,)) + pdu)


@pytest.mark.parametrize("framing", [TCP, RTU], ids=["tcp", "rtu"])
@pytest.mark.parametrize("pdu", PDUS, ids=bytes.hex)
def test_what_is_encoded_is_decoded_and_no_prefix_of_it_is(framing: Framing, pdu: bytes) -> None:
    frame = framing.encode(pdu, 17, 300)
    decoded = framing.decode(frame + b"\x01\x02")
    assert decoded == Frame(17, pdu, len(frame), 300 if framing.numbered else None)
    assert all(framing.decode(frame[:size]) is None for size in range(len(frame)))


@pytest.mark.parametrize(
    "header", ["000100010003", "000100000001", "0001000000ff", "485454502f31"], ids=["protocol", "short", "long", "http"]
)
def test_bytes_that_can_never_be_modbus_tcp_are_malformed_at_once(header: str) -> None:
    with pytest.raises(MalformedError):
        decode_tcp(bytes.fromhex(header))


def test_rtu_frame_with_a_wrong_checksum_is_never_whole() -> None:
    damaged = rtu(IDENTITY)[:-1] + b"\0"
    assert decode_rtu(damaged) is None and salvage_rtu(damaged) is None


def test_rtu_stream_longer_than_any_frame_is_malformed() -> None:
    with pytest.raises(MalformedError):
        decode_rtu(bytes(257))


def test_rtu_frame_whose_device_miscounts_its_objects_is_whole_when_nothing_more_comes() -> None:
    miscounted = IDENTITY[:6] + b"\x04" + IDENTITY[7:]
    assert decode_rtu(rtu(miscounted)) is None
    assert salvage_rtu(rtu(miscounted)) == Frame(1, miscounted, len(miscounted) + 3)


def test_rtu_frame_of_an_unknown_function_is_whole_when_nothing_more_comes() -> None:
    assert rtu_size(rtu(b"\x41\x01")) is None and salvage_rtu(rtu(b"\x41\x01")) == Frame(1, b"\x41\x01", 5)


@pytest.mark.parametrize("framing", [TCP, RTU], ids=["tcp", "rtu"])
@given(received=st.binary(max_size=300))
def test_any_bytes_are_a_frame_or_none_or_malformed(framing: Framing, received: bytes) -> None:
    try:
        frame = framing.decode(received) or framing.salvage(received)
    except MalformedError:
        return
    assert frame is None or (frame.pdu and frame.size_bytes <= len(received))


@given(st.binary(min_size=1, max_size=252), st.integers(0, 255), st.integers(1, 0xFFFF))
def test_any_pdu_survives_modbus_tcp(pdu: bytes, unit: int, number: int) -> None:
    frame = TCP.encode(pdu, unit, number)
    assert decode_tcp(frame) == Frame(unit, pdu, len(frame), number)
