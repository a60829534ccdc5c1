"""Single questions to a real server: in portions that it takes, one result for each node, and never into another server."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.security_policies import SecurityPolicyNone

from agent.demo.opcua_device import OpcUaDevice, Specification
from protocols.contract import Endpoint, Limits, Transport
from protocols.opcua.login import NAMELESS, User
from protocols.opcua.meter import Meter
from protocols.opcua.queries import Queries, node, plain
from protocols.opcua.session import activate, open_channel, open_session

pytestmark = pytest.mark.asyncio(loop_scope="module")


@asynccontextmanager
async def session(device: OpcUaDevice) -> AsyncIterator[Queries]:
    endpoint = Endpoint(transport=Transport.OPC_UA, host="127.0.0.1", port=device.port)
    async with (
        open_channel(endpoint, SecurityPolicyNone(), Limits(gap_s=0), Meter(time.monotonic, 100)) as channel,
        open_session(channel, "urn:test") as created,
    ):
        await activate(channel, created, User(), NAMELESS)
        yield Queries(channel, set())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def device() -> AsyncIterator[OpcUaDevice]:
    device = OpcUaDevice(Specification())
    await device.start()
    yield device
    await device.stop()


@contextmanager
def takes(device: OpcUaDevice, most: int) -> Iterator[None]:
    """A server that takes no more than so many nodes in one request, as small controllers do."""
    service: Any = device.server.iserver.attribute_service
    read = service.read

    def limited(parameters: ua.ReadParameters) -> Any:
        if len(parameters.NodesToRead) > most:
            raise ServiceError(ua.StatusCodes.BadTooManyOperations)
        return read(parameters)

    service.read = limited
    device.requests.clear()
    try:
        yield
    finally:
        service.read = read


NODES = [node(2259)] * 12


@pytest.mark.parametrize(("most", "at_once"), [(20, 20), (5, 5), (4, 1)])
async def test_server_that_finds_a_request_too_large_gets_smaller_ones(device: OpcUaDevice, most: int, at_once: int) -> None:
    with takes(device, most):
        async with session(device) as queries:
            values = await queries.read(NODES)
            assert len(values) == len(NODES) and all(value.Value.Value == 0 for value in values)
            assert queries.at_once == at_once and queries.remarks == set()


async def test_limits_that_the_server_names_are_kept_from_the_start(device: OpcUaDevice) -> None:
    with takes(device, 7):
        async with session(device) as queries:
            queries.keep_to([0, 100, 7])
            await queries.read(NODES)
            assert queries.at_once == 7 and queries.remarks == set()
            assert device.requests["Read"] == 2


async def test_path_that_a_device_does_not_have_is_none_and_the_others_keep_their_place(device: OpcUaDevice) -> None:
    async with session(device) as queries:
        paths = [(node(85), (("Nothing", 0),)), (node(85), (("Server", 0),)), (node(85), (("Server", 0), ("ServerStatus", 0)))]
        assert await queries.resolve(paths) == [None, node(2253), node(2256)]


async def test_nothing_to_ask_costs_no_request(device: OpcUaDevice) -> None:
    async with session(device) as queries:
        before = device.requests.total()
        assert await queries.read([]) == [] and await queries.resolve([]) == []
        assert device.requests.total() == before


async def test_node_of_another_server_or_of_an_unknown_namespace_is_not_followed() -> None:
    assert plain(ua.ExpandedNodeId(7, 2)) == ua.NodeId(7, 2)
    assert plain(ua.ExpandedNodeId(7, 2, ServerIndex=1)) is None
    assert plain(ua.ExpandedNodeId(7, 0, NamespaceUri="urn:elsewhere")) is None
