"""The simulated device: answers by the book, refuses writes, and remembers what reached it."""

import asyncio

import pytest

from agent.demo.modbus_device import Manner, ModbusDevice, Unit, checksum

ACME = {0: b"ACME", 1: b"P7", 2: b"2.1", 4: b"Press"}


def ask(unit: Unit, request: str) -> str:
    return unit.answer(bytes.fromhex(request)).hex()


def test_stream_carries_the_objects_of_its_level_and_individual_access_one() -> None:
    unit = Unit(objects=ACME)
    assert ask(unit, "2b0e0100") == "2b0e018200000300" + "0441434d4501025037" + "0203322e31"
    assert ask(unit, "2b0e0404") == "2b0e04820000010405" + b"Press".hex()


def test_stream_is_paged_and_restarts_at_an_unknown_object() -> None:
    unit = Unit(objects=ACME, page_bytes=12)
    assert ask(unit, "2b0e0200")[8:14] == "ff0202" and ask(unit, "2b0e0202")[8:14] == "000002"
    assert ask(unit, "2b0e0277") == ask(unit, "2b0e0200")


@pytest.mark.parametrize(
    ("manner", "request_pdu", "answer"),
    [
        (Manner.STREAMS, "2b0e0403", "ab02"),
        (Manner.STREAMS, "2b0e0500", "ab03"),
        (Manner.INDIVIDUAL_ONLY, "2b0e0100", "ab03"),
        (Manner.NO_IDENTIFICATION, "2b0e0100", "ab01"),
        (Manner.STREAMS, "0600000001", "8601"),
        (Manner.STREAMS, "2b0d00", "ab01"),
        (Manner.STREAMS, "0300050001", "8302"),
        (Manner.STREAMS, "030005007e", "8303"),
        (Manner.STREAMS, "0300070002", "030400010203"),
        (Manner.STREAMS, "0400070001", "040200ff"),
    ],
)
def test_each_request_has_the_answer_of_the_book(manner: Manner, request_pdu: str, answer: str) -> None:
    unit = Unit(objects=ACME, manner=manner, holding={7: 1, 8: 0x0203}, inputs={7: 255})
    assert ask(unit, request_pdu) == answer


def test_checksum_is_that_of_the_standard() -> None:
    assert checksum(bytes.fromhex("0207")).hex() == "4112"  # the example of MODBUS over Serial Line V1.02, appendix B


async def exchange(device: ModbusDevice, frame: str) -> str:
    reader, writer = await asyncio.open_connection(device.host, device.port)
    writer.write(bytes.fromhex(frame))
    answer = await reader.read(300)
    writer.close()
    await writer.wait_closed()
    return answer.hex()


async def test_a_write_is_recorded_and_refused() -> None:
    async with ModbusDevice({1: Unit()}) as device:
        assert await exchange(device, "000700000006010600000001") == "000700000003018601"
    assert device.requests == [(1, bytes.fromhex("0600000001"))]


async def test_a_write_over_rtu_is_recorded_and_refused() -> None:
    async with ModbusDevice({1: Unit()}, rtu=True) as device:
        write = bytes.fromhex("010600000001")
        refused = bytes.fromhex("018601")
        assert await exchange(device, (write + checksum(write)).hex()) == (refused + checksum(refused)).hex()
    assert device.requests == [(1, write[1:])]


async def test_an_unknown_unit_is_answered_as_a_gateway_does() -> None:
    async with ModbusDevice({1: Unit()}) as device:
        assert await exchange(device, "0007000000050" + "92b0e0100") == "00070000000309ab0a"


async def test_it_returns_on_the_same_port_and_remembers_how_connections_ended() -> None:
    device = ModbusDevice({1: Unit(objects=ACME)})
    await device.start()
    port = device.port
    await exchange(device, "000700000005012b0e0100")
    await asyncio.sleep(0.01)
    await device.stop()
    with pytest.raises(ConnectionRefusedError):
        await exchange(device, "000700000005012b0e0100")
    await device.start()
    await exchange(device, "000700000005012b0e0100")
    await asyncio.sleep(0.01)
    await device.stop()
    assert device.port == port and (device.connections, device.fins, device.resets) == (2, 2, 0)
