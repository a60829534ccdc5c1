"""The read-only guard: nothing outside the allow-list reaches a real server, whichever way it is tried.

The server is asyncua's own and counts what it receives after decryption: what it did not count was not sent.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from asyncua import Client, Node, ua
from asyncua.client.ua_client import UaClient
from asyncua.common.connection import SecureConnection, TransportLimits
from asyncua.crypto.security_policies import SecurityPolicyNone
from hypothesis import given
from hypothesis import strategies as st

from agent.demo.opcua_device import OpcUaDevice, Specification
from protocols.contract import Endpoint, Limits, Transport
from protocols.errors import RefusedError
from protocols.opcua import guard
from protocols.opcua.guard import ALLOWED_SERVICES, ReadOnlyViolationError, allowed_service, protocol_of
from protocols.opcua.login import NAMELESS, User
from protocols.opcua.meter import Meter
from protocols.opcua.session import Channel, activate, open_channel, open_session

in_one_loop = pytest.mark.asyncio(loop_scope="module")

LIMITS = Limits(gap_s=0)
LIFE_OF_A_SESSION = dict.fromkeys(("OpenSecureChannel", "CreateSession", "ActivateSession", "CloseSession"), 1)
PLANT = Specification(devices={"PLC_1": {"SerialNumber": "S1"}})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def device() -> AsyncIterator[OpcUaDevice]:
    device = OpcUaDevice(PLANT)
    await device.start()
    yield device
    await device.stop()


@asynccontextmanager
async def session(device: OpcUaDevice, max_requests: int = 500) -> AsyncIterator[Channel]:
    endpoint = Endpoint(transport=Transport.OPC_UA, host="127.0.0.1", port=device.port)
    meter = Meter(time.monotonic, max_requests)
    async with (
        open_channel(endpoint, SecurityPolicyNone(), LIMITS, meter) as channel,
        open_session(channel, "urn:test") as created,
    ):
        await activate(channel, created, User(), NAMELESS)
        yield channel


def high_level(channel: Channel) -> Client:
    """asyncua's own client on top of the guarded connection, as a careless colleague would use it."""
    client = Client(channel.url)
    client.uaclient = channel.client
    return client


def answered(device: OpcUaDevice) -> dict[str, int]:
    """What the server received; the goodbye is left out, as asyncua's server may drop it when the FIN follows at once."""
    return {service: count for service, count in device.requests.items() if service != "CloseSecureChannel"}


async def serial_number(device: OpcUaDevice) -> str:
    return str(await device._values["PLC_1", "SerialNumber"].read_value())


def node(channel: Channel, number: int = 2264) -> Node:
    return Node(channel.client.session, ua.NodeId.from_string(f"i={number}"))


async def write_the_serial_number(channel: Channel) -> None:
    objects = node(channel, 85)
    target = await objects.get_child(["2:DeviceSet", "2:PLC_1", "2:SerialNumber"])
    await target.write_value("forged")


async def write_raw(channel: Channel) -> None:
    protocol: Any = channel.client.protocol
    protocol.transport.write(b"MSGF" + (24).to_bytes(4, "little") + bytes(16))


async def write_behind_a_hello(channel: Channel) -> None:
    protocol: Any = channel.client.protocol
    protocol.transport.write(b"HELF" + (8).to_bytes(4, "little") + b"MSGF" + bytes(20))


async def write_the_same_bytes_twice(channel: Channel) -> None:
    protocol: Any = channel.client.protocol
    request = ua.ReadRequest()
    data = protocol._connection.message_to_binary(ua.ua_binary.struct_to_binary(request), request_id=90)
    protocol._connection._sequence_number -= 1  # what is refused must not upset the count of what follows
    protocol._tickets.discard(data)
    protocol.transport.write(data)


async def go_around_the_checked_encoder(channel: Channel) -> None:
    protocol: Any = channel.client.protocol
    body = ua.ua_binary.struct_to_binary(ua.WriteRequest())
    data = SecureConnection.message_to_binary(protocol._connection, body, request_id=91)
    protocol._connection._sequence_number -= 1
    protocol.transport.write(data)


ATTEMPTS: dict[str, Callable[[Channel], Awaitable[Any]]] = {
    "Node.write_value": lambda channel: node(channel).write_value("x"),
    "Node.write_value of the serial number": write_the_serial_number,
    "Node.write_attribute": lambda channel: node(channel).write_attribute(ua.AttributeIds.Value, ua.DataValue(ua.Variant("x"))),
    "Node.set_writable": lambda channel: node(channel).set_writable(),
    "Node.call_method": lambda channel: node(channel, 2253).call_method(ua.NodeId.from_string("i=11492"), 1),
    "Node.add_object": lambda channel: node(channel, 85).add_object(2, "x"),
    "Node.add_variable": lambda channel: node(channel, 85).add_variable(2, "x", 1),
    "Node.add_property": lambda channel: node(channel, 85).add_property(2, "x", 1),
    "Node.add_method": lambda channel: node(channel, 85).add_method(2, "x", print),
    "Node.add_folder": lambda channel: node(channel, 85).add_folder(2, "x"),
    "Node.add_reference": lambda channel: node(channel, 85).add_reference(
        ua.NodeId.from_string("i=2253"), ua.NodeId.from_string("i=35")
    ),
    "Node.delete": lambda channel: node(channel).delete(),
    "Node.register": lambda channel: node(channel).register(),
    "Node.read_raw_history": lambda channel: node(channel).read_raw_history(numvalues=1),
    "Client.create_subscription": lambda channel: high_level(channel).create_subscription(100, None),
    "Client.write_values": lambda channel: high_level(channel).write_values([node(channel)], ["x"]),
    "Client.register_nodes": lambda channel: high_level(channel).register_nodes([node(channel)]),
    "Client.unregister_nodes": lambda channel: high_level(channel).unregister_nodes([node(channel)]),
    "Client.delete_nodes": lambda channel: channel.client.delete_nodes(ua.DeleteNodesParameters()),
    "Client.delete_subscriptions": lambda channel: high_level(channel).delete_subscriptions([1]),
    "Client.register_namespace": lambda channel: high_level(channel).register_namespace("urn:x"),
    "Client.find_servers_on_network": lambda channel: high_level(channel).find_servers_on_network(),
    "UaClient.register_server": lambda channel: channel.client.register_server(ua.RegisteredServer()),
    "UaClient.register_server2": lambda channel: channel.client.register_server2(ua.RegisterServer2Parameters()),
    "UaClient.history_update": lambda channel: channel.client.history_update(ua.HistoryUpdateParameters()),
    "UaClient.publish": lambda channel: channel.client.session.publish([]),
    "raw bytes": write_raw,
    "bytes behind a Hello": write_behind_a_hello,
    "bytes whose ticket is spent": write_the_same_bytes_twice,
    "bytes of the unchecked encoder": go_around_the_checked_encoder,
}


@in_one_loop
@pytest.mark.parametrize("attempt", ATTEMPTS.values(), ids=ATTEMPTS.keys())
async def test_attempt_to_change_anything_is_refused_and_never_arrives(device: OpcUaDevice, attempt: Any) -> None:
    device.requests.clear()
    async with session(device) as channel:
        with pytest.raises(ReadOnlyViolationError):
            await attempt(channel)
        assert await node(channel, 2259).read_value() == 0, "the session is still usable"
    assert set(device.requests) <= set(ALLOWED_SERVICES.values())
    assert await serial_number(device) == "S1"


def request_types() -> list[type]:
    """Every request of the standard that asyncua can encode."""
    named = {name: getattr(ua, name) for name in dir(ua) if name.endswith("Request")}
    return [
        kind
        for name, kind in named.items()
        if hasattr(ua.ObjectIds, f"{name}_Encoding_DefaultBinary") and "TypeId" in kind.__slots__
    ]


@in_one_loop
async def test_every_other_request_of_the_standard_is_refused(device: OpcUaDevice) -> None:
    device.requests.clear()
    refused = set()
    async with session(device) as channel:
        for kind in request_types():
            if kind().TypeId.Identifier in ALLOWED_SERVICES:
                continue
            with pytest.raises(ReadOnlyViolationError):
                await protocol_of(channel.client).send_request(kind())
            refused.add(kind.__name__)
    assert {
        "WriteRequest",
        "CallRequest",
        "AddNodesRequest",
        "CreateMonitoredItemsRequest",
        "TransferSubscriptionsRequest",
    } <= refused
    assert len(refused) >= 24
    assert answered(device) == LIFE_OF_A_SESSION


@in_one_loop
async def test_budget_of_requests_ends_and_the_session_is_closed_all_the_same(device: OpcUaDevice) -> None:
    device.requests.clear()
    with pytest.raises(RefusedError, match="budget of 7"):
        await read_often(device)
    assert answered(device) == {**LIFE_OF_A_SESSION, "Read": 2}


async def read_often(device: OpcUaDevice) -> None:
    async with session(device, max_requests=7) as channel:
        for _ in range(10):
            await node(channel, 2259).read_value()


@in_one_loop
async def test_nothing_but_a_hello_leaves_when_the_library_goes_another_way(device: OpcUaDevice) -> None:
    device.requests.clear()
    meter = Meter(time.monotonic, 9)
    policy = SecurityPolicyNone()
    client = await guard.connect("127.0.0.1", device.port, policy=policy, meter=meter, connect_s=1, answer_s=1)
    protocol: Any = protocol_of(client)
    protocol._connection = SecureConnection(policy, TransportLimits())  # as if asyncua kept its encoder under another name
    await client.send_hello("opc.tcp://127.0.0.1")
    with pytest.raises(ReadOnlyViolationError):
        await client.open_secure_channel(ua.OpenSecureChannelParameters())
    protocol.close()
    await protocol.closed.wait()
    assert device.requests == {}


async def test_connection_that_did_not_come_through_the_guard_is_not_used() -> None:
    with pytest.raises(ReadOnlyViolationError):
        protocol_of(UaClient())


async def test_limits_stay_ours_whatever_the_server_acknowledges() -> None:
    protocol = guard.GuardedProtocol(Meter(time.monotonic, 1), SecurityPolicyNone(), 1.0)
    limits = protocol._connection._limits
    for buffer in (0, 1, 2**32 - 1):
        limits.update_client_limits(ua.Acknowledge(ReceiveBufferSize=buffer, SendBufferSize=0, MaxMessageSize=0, MaxChunkCount=0))
        assert (limits.max_message_size, limits.max_chunk_count, limits.max_recv_buffer) == (256 * 1024, 8, 65_535)
        assert 8_192 <= limits.max_send_buffer <= 65_535


async def test_door_to_the_socket_offers_nothing_but_write_and_close() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = await guard.connect(
        "127.0.0.1", port, policy=SecurityPolicyNone(), meter=Meter(time.monotonic, 9), connect_s=1, answer_s=1
    )
    protocol = protocol_of(client)
    offered = {name for name in dir(protocol.transport) if not name.startswith("_")}
    protocol.close()
    await protocol.closed.wait()
    server.close()
    await server.wait_closed()
    assert offered == {"write", "close", "abort", "is_closing"}


@given(st.binary(max_size=40))
def test_any_bytes_are_an_allowed_service_or_a_violation(message: bytes) -> None:
    try:
        assert allowed_service(message) in ALLOWED_SERVICES.values()
    except ReadOnlyViolationError:
        pass


@pytest.mark.parametrize(("body", "service"), [("0100770200", "Read"), ("02000077020000", "Read"), ("01000f0200", "Browse")])
def test_both_encodings_of_a_type_are_understood(body: str, service: str) -> None:
    assert allowed_service(bytes.fromhex(body)) == service


@pytest.mark.parametrize("body", ["01017702", "0200017702", "0300", "81007702", "", "0100", "010077"])
def test_type_outside_of_namespace_zero_or_cut_short_is_a_violation(body: str) -> None:
    with pytest.raises(ReadOnlyViolationError):
        allowed_service(bytes.fromhex(body))


def test_constants_of_the_guard_are_the_ids_of_the_standard() -> None:
    encoded = {"TranslateBrowsePaths": "TranslateBrowsePathsToNodeIds"}
    for number, name in ALLOWED_SERVICES.items():
        assert getattr(ua.ObjectIds, f"{encoded.get(name, name)}Request_Encoding_DefaultBinary") == number
