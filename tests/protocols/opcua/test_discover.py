"""Discovery against a real address space: bounded, whole device by whole device, and never deeper than it must."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from agent.demo.opcua_device import OpcUaDevice, Specification
from protocols.contract import Answer, Ask, Endpoint, Limits, Outcome, Transport
from protocols.opcua.visit import visit

pytestmark = pytest.mark.asyncio(loop_scope="module")

MANY = 70
DEVICES = {f"Drive_{number:02}": {"Manufacturer": "ACME", "SerialNumber": f"S{number}"} for number in range(MANY)}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def crowd() -> AsyncIterator[OpcUaDevice]:
    device = OpcUaDevice(Specification(devices={"DeviceFeatures": {"SerialNumber": "none"}, **DEVICES}))
    await device.start()
    yield device
    await device.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def aggregator() -> AsyncIterator[OpcUaDevice]:
    device = OpcUaDevice(Specification(devices={"PLC_1": {"SerialNumber": "S1"}}, servers=("urn:behind",)))
    await device.start()
    yield device
    await device.stop()


async def look(device: OpcUaDevice, pki: Path, max_requests: int) -> Answer:
    endpoint = Endpoint(transport=Transport.OPC_UA, host="127.0.0.1", port=device.port)
    what = Ask(endpoint=endpoint, limits=Limits(gap_s=0, max_requests=max_requests))
    return await visit(what, pki, now=datetime.now(UTC), clock=time.monotonic)


async def test_many_devices_are_children_each_whole_as_far_as_the_budget_goes(crowd: OpcUaDevice, tmp_path: Path) -> None:
    answer = await look(crowd, tmp_path, max_requests=20)
    assert sum(answer.ledger.requests.values()) <= 20
    assert "budget-spent" in answer.remarks and answer.outcome is Outcome.IDENTIFIED
    assert 4 <= len(answer.children) < MANY
    assert {len(child.facts) for child in answer.children} == {2}
    assert answer.ledger.requests["CloseSession"] == answer.ledger.requests["CloseSecureChannel"] == 1


async def test_no_more_than_sixty_four_devices_are_read_and_the_rest_is_remarked(crowd: OpcUaDevice, tmp_path: Path) -> None:
    answer = await look(crowd, tmp_path, max_requests=200)
    assert 60 <= len(answer.children) <= 64
    assert "DeviceSet/DeviceFeatures" not in {child.key for child in answer.children}
    assert answer.ledger.requests["Browse"] == 1 and answer.ledger.requests.get("BrowseNext", 0) <= 1


async def test_device_behind_a_server_that_speaks_for_others_is_a_child(aggregator: OpcUaDevice, tmp_path: Path) -> None:
    answer = await look(aggregator, tmp_path, max_requests=40)
    assert [child.key for child in answer.children] == ["DeviceSet/PLC_1"]
    assert "BuildInfo" in answer.detail
