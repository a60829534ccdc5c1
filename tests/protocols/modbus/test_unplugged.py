"""A serial adapter that is pulled out: the plug is blamed, not the device, and the next visit after it came back works."""

from pathlib import Path

from agent.demo.modbus_device import Unit
from protocols.contract import Answer, Ask, Endpoint, Limits, Outcome, Transport
from protocols.modbus.reader import ModbusReader
from tests.simulators.adapter import Adapter

WAGO = Unit(holding={0x2010: 5, 0x2011: 750, 0x2012: 881, 0x2013: 1, 0x2014: 4})
LIMITS = Limits(response_timeout_s=0.4, gap_s=0.01, visit_s=5)


async def visit(reader: ModbusReader, port: Path, *units: int) -> list[Answer]:
    endpoints = [Endpoint(transport=Transport.MODBUS_RTU, host=str(port), unit=unit, parity="N") for unit in units]
    return [answer async for answer in reader.visit([Ask(endpoint=end, limits=LIMITS, profile="wago-750") for end in endpoints])]


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_an_adapter_that_came_back_is_visited_without_a_restart(tmp_path: Path) -> None:
    reader, port = ModbusReader(), tmp_path / "usb-adapter"
    with Adapter(port, WAGO):
        (before,) = await visit(reader, port, 1)
    (gone,) = await visit(reader, port, 1)
    with Adapter(port, WAGO):
        (after,) = await visit(reader, port, 1)
    assert (before.outcome, gone.outcome, after.outcome) == (Outcome.IDENTIFIED, Outcome.UNREACHABLE, Outcome.IDENTIFIED)
    assert "plugged in" in gone.detail and gone.ledger.requests == {} and gone.remarks == ()
    assert before.facts == after.facts


async def test_an_adapter_that_is_pulled_before_the_first_answer_is_not_the_devices_refusal(tmp_path: Path) -> None:
    port = tmp_path / "usb-adapter"
    with Adapter(port, WAGO, pulled_after=0):
        first, second = await visit(ModbusReader(), port, 1, 2)
    assert first.outcome is Outcome.UNREACHABLE and "went away" in first.detail and first.ledger.requests == {"3": 1}
    assert second.outcome is Outcome.UNREACHABLE and second.ledger.requests == {} and second.ledger.connections == 0


async def test_what_was_said_before_the_adapter_was_pulled_is_kept(tmp_path: Path) -> None:
    port = tmp_path / "usb-adapter"
    with Adapter(port, WAGO, pulled_after=3):
        first, second = await visit(ModbusReader(), port, 1, 2)
    assert first.outcome is Outcome.IDENTIFIED and "went away" in first.detail and first.ledger.requests == {"3": 4}
    assert second.outcome is Outcome.UNREACHABLE and "plugged in" in second.detail


async def test_no_visit_leaves_a_file_open(tmp_path: Path) -> None:
    port, reader = tmp_path / "usb-adapter", ModbusReader()
    await visit(reader, port, 1)
    before = open_files()
    for pulled_after in (0, 3, 1000):
        with Adapter(port, WAGO, pulled_after=pulled_after):
            await visit(reader, port, 1, 2)
    assert open_files() == before


async def test_what_is_no_serial_port_is_said_to_be_none(tmp_path: Path) -> None:
    port = tmp_path / "usb-adapter"
    port.symlink_to("/dev/null")
    (answer,) = await visit(ModbusReader(), port, 1)
    assert answer.outcome is Outcome.UNREACHABLE and answer.detail == f"No connection to {port}: it is no serial port."


async def test_a_port_that_cannot_have_this_parity_says_so(tmp_path: Path) -> None:
    port = tmp_path / "usb-adapter"
    with Adapter(port, WAGO):  # a pseudo terminal knows no parity
        endpoint = Endpoint(transport=Transport.MODBUS_RTU, host=str(port), unit=1, parity="E")
        (answer,) = [answer async for answer in ModbusReader().visit([Ask(endpoint=endpoint, limits=LIMITS)])]
    assert answer.outcome is Outcome.UNREACHABLE and answer.detail.endswith("it cannot be set to this speed and parity.")


async def test_a_port_that_another_program_has_open_is_said_to_be_taken(tmp_path: Path) -> None:
    port, reader = tmp_path / "usb-adapter", ModbusReader()
    with Adapter(port, WAGO):
        endpoint = Endpoint(transport=Transport.MODBUS_RTU, host=str(port), unit=1, parity="N")
        first = reader.visit([Ask(endpoint=endpoint, limits=LIMITS, profile="wago-750")] * 2)
        await anext(first)  # the visit goes on, and has the port
        (second,) = await visit(reader, port, 1)
        await first.aclose()
    assert second.outcome is Outcome.UNREACHABLE and "another program has it open" in second.detail
