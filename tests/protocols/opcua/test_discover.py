"""Discovery against a real address space: bounded, whole device by whole device, and never deeper than it must."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from asyncua import ua

from agent.demo.opcua_device import OpcUaDevice, Specification
from protocols.contract import Answer, Ask, Confidence, Endpoint, Field, Limits, Outcome, Transport
from protocols.opcua.discover import LIMITS
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


PLATE = {"Manufacturer": "ACME", "SerialNumber": "S1"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def line() -> AsyncIterator[OpcUaDevice]:
    """A controller that keeps its nameplate in an add-in, beside the machine that it runs, behind other namespaces."""
    device = OpcUaDevice(
        Specification(
            namespaces=("urn:a", "urn:b", "urn:c"),
            devices={"PLC_1": PLATE},
            added_in=("PLC_1",),
            order_numbers={"PLC_1": "6ES7"},
            machines={"Press": {"SerialNumber": "M1"}},
        )
    )
    await device.start()
    yield device
    await device.stop()


async def test_names_are_found_by_their_namespace_uri_and_in_an_add_in(line: OpcUaDevice, tmp_path: Path) -> None:
    answer = await look(line, tmp_path, max_requests=40)
    assert {fact.field: (fact.value, fact.confidence) for fact in answer.facts} == {
        Field.MANUFACTURER_NAME: ("ACME", Confidence.HIGH),
        Field.SERIAL_NUMBER: ("S1", Confidence.HIGH),
        Field.ORDER_CODE_OF_MANUFACTURER: ("6ES7", Confidence.MEDIUM),
    }
    assert "Devices" in answer.detail and [child.key for child in answer.children] == ["Machines/Press"]


async def test_server_tells_what_it_is_built_to_do(line: OpcUaDevice, tmp_path: Path) -> None:
    answer = await look(line, tmp_path, max_requests=40)
    assert answer.capabilities is not None
    assert answer.capabilities.namespaces[0] == "http://opcfoundation.org/UA/" and "urn:a" in answer.capabilities.namespaces
    assert set(answer.capabilities.limits) <= set(LIMITS.values())


async def test_machine_is_the_asset_where_no_device_stands_beside_it(tmp_path: Path) -> None:
    device = OpcUaDevice(Specification(machines={"Press": {**PLATE, "YearOfConstruction": "2021"}}))
    await device.start()
    answer = await look(device, tmp_path, max_requests=40)
    await device.stop()
    assert "Machinery" in answer.detail and answer.children == ()
    assert {fact.field: fact.value for fact in answer.facts}[Field.YEAR_OF_CONSTRUCTION] == "2021"


@pytest.mark.parametrize(("kind", "asked"), [(ua.ApplicationType.Server, 0), (ua.ApplicationType.DiscoveryServer, 1)])
async def test_only_a_server_that_seems_to_know_others_is_asked_which(
    line: OpcUaDevice, tmp_path: Path, kind: ua.ApplicationType, asked: int
) -> None:
    for endpoint in line.server.iserver.endpoints:
        endpoint.Server.ApplicationType = kind
    line.requests.clear()
    answer = await look(line, tmp_path, max_requests=40)
    assert line.requests["FindServers"] == asked and answer.posture is not None and answer.posture.others == ()


async def test_device_behind_a_server_that_speaks_for_others_is_a_child(aggregator: OpcUaDevice, tmp_path: Path) -> None:
    answer = await look(aggregator, tmp_path, max_requests=40)
    assert [child.key for child in answer.children] == ["DeviceSet/PLC_1"]
    assert "BuildInfo" in answer.detail
