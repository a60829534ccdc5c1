"""The Modbus plant: what a part has to say is what the gateway's own reader finds, and both count the same."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from agent.demo.modbus_plant import ModbusPlant, function_name
from agent.demo.scene import CAST, Kind, Part
from config.address import Address
from protocols.contract import Answer, Ask, Endpoint, Limits, Outcome, Transport
from protocols.modbus.reader import ModbusReader

MODBUS = [part for part in CAST if not part.kind.is_opcua]
LIMITS = Limits(connect_timeout_s=2, response_timeout_s=2, gap_s=0)


@pytest.fixture
async def plant() -> AsyncIterator[ModbusPlant]:
    async with ModbusPlant(CAST, {part.host: "127.0.0.1" for part in CAST}) as running:
        yield running


async def look(plant: ModbusPlant, part: Part) -> Answer:
    address = Address.parse(plant.addresses()[part.asset_id])
    endpoint = Endpoint(transport=Transport(address.scheme), host=address.host, port=address.port, unit=address.unit)
    profile = "wago-750" if part.kind is Kind.REGISTERS else ""
    ask = Ask(endpoint=endpoint, limits=LIMITS, profile=profile)
    [answer] = [answer async for answer in ModbusReader().visit([ask])]
    return answer


def part_of(asset_id: str) -> Part:
    return next(part for part in MODBUS if part.asset_id == asset_id)


@pytest.mark.parametrize("part", [part for part in MODBUS if part.outcome == "identified"], ids=lambda part: part.asset_id)
async def test_part_says_its_lines_and_counts_what_it_was_asked(plant: ModbusPlant, part: Part) -> None:
    answer = await look(plant, part)
    said = {fact.field.value: fact.value for fact in answer.facts}
    assert answer.outcome is Outcome.IDENTIFIED
    assert part.says.items() <= said.items()
    assert dict(plant.counted()[part.asset_id]) == answer.ledger.requests


async def test_part_that_refuses_refuses(plant: ModbusPlant) -> None:
    answer = await look(plant, part_of("gate-1-plc"))
    assert answer.outcome is Outcome.REFUSED
    assert dict(plant.counted()["gate-1-plc"]) == answer.ledger.requests


@pytest.mark.parametrize(("asset_id", "firmware"), [("press-07-plc", "2.2"), ("tank-coupler", "10.8(04)")])
async def test_update_changes_the_firmware_and_nothing_else(plant: ModbusPlant, asset_id: str, firmware: str) -> None:
    before = {fact.field.value: fact.value for fact in (await look(plant, part_of(asset_id))).facts}
    plant.update(asset_id, firmware)
    after = {fact.field.value: fact.value for fact in (await look(plant, part_of(asset_id))).facts}
    assert after == {**before, "firmware_version": firmware}


async def test_device_that_left_is_unreachable_and_comes_back_at_its_address(plant: ModbusPlant) -> None:
    part = part_of("conveyor-3-io")
    address = plant.addresses()["conveyor-3-io"]
    await plant.leave("conveyor-3-io")
    assert (await look(plant, part)).outcome is Outcome.UNREACHABLE
    await plant.come_back("conveyor-3-io")
    assert (await look(plant, part)).outcome is Outcome.IDENTIFIED
    assert plant.addresses()["conveyor-3-io"] == address


async def test_device_waits_for_the_end_of_a_visit_before_it_leaves(plant: ModbusPlant) -> None:
    address = Address.parse(plant.addresses()["conveyor-3-io"])
    _, writer = await asyncio.open_connection(address.host, address.port)
    while plant.idle:
        await asyncio.sleep(0.01)
    leaving = asyncio.create_task(plant.leave("conveyor-3-io"))
    await asyncio.sleep(0.1)
    assert not leaving.done()
    writer.close()
    await writer.wait_closed()
    await leaving
    assert plant.idle


def test_request_is_named_as_the_ledger_names_it() -> None:
    assert [function_name(bytes.fromhex(pdu)) for pdu in ("2b0e0200", "0320100001", "2b", "")] == ["43/14", "3", "43", "nothing"]
