"""The broker templates on a real mosquitto: nobody writes or reads what is not his, whatever he tries."""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Self

import pytest
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.client import MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from agent.publish.errors import BrokerUnreachableError
from agent.publish.mqtt import Acknowledged, Arrived, Broker, Connection, Event, Letter, Lost
from tests.evidence.samples import Gateway as Paper
from tests.isms.line import ReceiverProcess, until
from tests.secured import Secured, secured

pytestmark = [
    pytest.mark.mosquitto,
    # paho does not close the socket of a handshake that failed; it goes with the exception, and Python says so.
    pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"),
]

NOT_AUTHORIZED = 0x87
OURS, OTHER, ABROAD, ISMS = "werk-ulm:gw-1", "werk-ulm:gw-2", "werk-bern:gw-1", "isms-receiver"
LEAVES = ("status", "evidence", "health", "response", "receipt", "request/status", "request/republish")
MAY_WRITE = {"status", "evidence", "health", "response"}


def base(name: str) -> str:
    return f"nameplated/v1/{name.replace(':', '/')}"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with secured(tmp_path_factory.mktemp("secured") / "broker", [OURS, OTHER, ABROAD], [ISMS]) as running:
        yield running


class Client:
    """One connection, and what happened on it."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue()

    @classmethod
    @asynccontextmanager
    async def of(cls, broker: Broker) -> AsyncIterator[Self]:
        client = cls()
        will = Letter(topic=f"{base(OURS)}/status", payload=b"x")
        client.connection = await Connection.open(broker, will, client.events.put_nowait)
        try:
            yield client
        finally:
            await client.connection.close()

    async def code(self, topic: str) -> int:
        """Publish, and return the broker's reason code."""
        message_id = self.connection.publish(Letter(topic=topic, payload=b"x"))
        while True:
            async with asyncio.timeout(5):
                match await self.events.get():
                    case Acknowledged(found, code) if found == message_id:
                        return code
                    case Lost(reason):
                        raise AssertionError(f"{topic}: {reason}")


async def code(broker: Broker, topic: str) -> int:
    """Publish over a connection of its own: this version of mosquitto hangs up after a publication that it refuses."""
    async with Client.of(broker) as client:
        return await client.code(topic)


async def test_a_gateway_writes_its_own_four_topics_and_nothing_else_of_anybody(broker: Secured) -> None:
    seen = broker.as_seen_by(OURS)
    for name, leaf in itertools.product((OURS, OTHER, ABROAD), LEAVES):
        allowed = name == OURS and leaf in MAY_WRITE
        assert (await code(seen, f"{base(name)}/{leaf}") == NOT_AUTHORIZED) != allowed, f"{name} {leaf}"
    for topic in ("other/topic", "nameplated/v1/werk-ulm/gw-1", f"{base(OURS)}/evidence/more", "nameplated/v2/a/b/status"):
        assert await code(seen, topic) == NOT_AUTHORIZED, topic


async def test_a_receiver_writes_receipts_and_requests_and_forges_no_report(broker: Secured) -> None:
    for name, leaf in itertools.product((OURS, OTHER), LEAVES):
        found = await code(broker.as_seen_by(ISMS), f"{base(name)}/{leaf}")
        assert (found == NOT_AUTHORIZED) == (leaf in MAY_WRITE), f"{name} {leaf}: 0x{found:02x}"


async def _refused(broker: Broker) -> None:
    async with Client.of(broker):
        pass


async def test_a_gateway_hears_its_own_receipts_and_requests_and_no_others(broker: Secured) -> None:
    async with Client.of(broker.as_seen_by(OURS)) as client, Client.of(broker.as_seen_by(ISMS)) as isms:
        for wish in ("#", "nameplated/#", f"{base(OTHER)}/#", f"{base(OURS)}/#", "nameplated/v1/+/+/evidence"):
            client.connection.subscribe(wish)
        await asyncio.sleep(0.2)
        async with Client.of(broker.as_seen_by(OTHER)) as other:
            await other.code(f"{base(OTHER)}/evidence")
        for name, leaf in itertools.product((OTHER, OURS), ("receipt", "request/status")):
            await isms.code(f"{base(name)}/{leaf}")
        await asyncio.sleep(0.2)
        heard = {event.topic for event in _drained(client) if isinstance(event, Arrived)}
    assert heard == {f"{base(OURS)}/receipt", f"{base(OURS)}/request/status"}


def _drained(client: Client) -> list[Event]:
    return [client.events.get_nowait() for _ in range(client.events.qsize())]


async def test_a_stolen_client_id_throws_nobody_out_and_opens_nothing(broker: Secured) -> None:
    async with Client.of(broker.as_seen_by(OURS)) as honest:
        thief = broker.as_seen_by(OTHER, client_id=OURS)
        assert await code(thief, f"{base(OURS)}/evidence") == NOT_AUTHORIZED
        assert await code(thief, f"{base(OTHER)}/evidence") != NOT_AUTHORIZED
        assert await honest.code(f"{base(OURS)}/evidence") != NOT_AUTHORIZED


async def test_the_will_of_a_gateway_speaks_for_nobody_else(broker: Secured) -> None:
    async with Client.of(broker.as_seen_by(ISMS)) as isms:
        isms.connection.subscribe("nameplated/v1/+/+/status")
        await asyncio.sleep(0.2)
        _drained(isms)
        for name in (OURS, OTHER):
            await asyncio.to_thread(die_with_will, broker.as_seen_by(OTHER), f"{base(name)}/status")
        async with asyncio.timeout(5):
            while not (heard := {event.topic for event in _drained(isms) if isinstance(event, Arrived)}):
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.2)
        heard |= {event.topic for event in _drained(isms) if isinstance(event, Arrived)}
    assert heard == {f"{base(OTHER)}/status"}


def die_with_will(broker: Broker, topic: str) -> None:
    """Connect with a will, and break the connection as a power cut would."""
    client = PahoClient(CallbackAPIVersion.VERSION2, client_id=broker.client_id, protocol=MQTTv5)
    client.tls_set(str(broker.ca_file), str(broker.certificate_file), str(broker.key_file))
    client.will_set(topic, b"dead", qos=1)
    client.connect(broker.host, broker.port)
    until(lambda: client.loop(0.05) is MQTTErrorCode.MQTT_ERR_SUCCESS and client.is_connected())
    wire = client.socket()
    assert wire is not None
    wire.shutdown(socket.SHUT_RDWR)
    wire.close()


async def test_a_gateway_that_joins_the_receivers_group_reads_nothing_though_it_swallows_its_share(broker: Secured) -> None:
    wish = "$share/fleet/nameplated/v1/+/+/evidence"
    async with (
        Client.of(broker.as_seen_by(ISMS)) as isms,
        Client.of(broker.as_seen_by(OTHER)) as thief,
        Client.of(broker.as_seen_by(OURS)) as honest,
    ):
        for client in (isms, thief):
            client.connection.subscribe(wish)
        await asyncio.sleep(0.2)
        for _ in range(4):  # this version of mosquitto deals messages out in turn, and asks the access list only then
            await honest.code(f"{base(OURS)}/evidence")
        await asyncio.sleep(0.2)
        arrived = [sum(isinstance(event, Arrived) for event in _drained(client)) for client in (isms, thief)]
    assert arrived == [2, 0]


async def test_nobody_comes_in_without_a_certificate_or_with_one_of_another_authority(broker: Secured, tmp_path: Path) -> None:
    from tests.secured import authority

    authority(tmp_path / "foreign", OURS)
    foreign = replace(
        broker.as_seen_by(OURS),
        certificate_file=tmp_path / "foreign" / f"{OURS}.crt",
        key_file=tmp_path / "foreign" / f"{OURS}.key",
    )
    for stranger in (broker.without_certificate(OURS), foreign):
        with pytest.raises(BrokerUnreachableError):
            await _refused(stranger)


async def test_a_revoked_certificate_is_turned_away_and_the_others_stay(tmp_path: Path) -> None:
    with secured(tmp_path / "broker", [OURS, OTHER], [ISMS]) as broker:
        async with Client.of(broker.as_seen_by(OTHER)) as client:
            assert await client.code(f"{base(OTHER)}/evidence") != NOT_AUTHORIZED
        broker.revoke(OTHER)
        with pytest.raises(BrokerUnreachableError):
            await _refused(broker.as_seen_by(OTHER))
        async with Client.of(broker.as_seen_by(OURS)) as client:
            assert await client.code(f"{base(OURS)}/evidence") != NOT_AUTHORIZED


async def test_our_own_certificate_out_of_time_is_named_and_its_replacement_is_used_without_a_restart(broker: Secured) -> None:
    for validity, complaint in (
        ({"FROM": "20200101000000Z", "UNTIL": "20210101000000Z"}, "our own certificate expired on 2021-01-01"),
        ({"FROM": "20480101000000Z", "UNTIL": "20490101000000Z"}, "our own certificate is not valid before 2048-01-01"),
    ):
        broker.issue(ABROAD, **validity)
        seen = broker.as_seen_by(ABROAD)
        with pytest.raises(BrokerUnreachableError, match=complaint):
            await _refused(seen)
        broker.issue(ABROAD)
        async with Client.of(seen) as client:
            assert await client.code(f"{base(ABROAD)}/evidence") != NOT_AUTHORIZED


@pytest.mark.parametrize(
    ("validity", "complaint"),
    [
        (
            {"FROM": "20200101000000Z", "UNTIL": "20210101000000Z"},
            "the broker's certificate has expired; this machine's clock says",
        ),
        ({"FROM": "20480101000000Z", "UNTIL": "20490101000000Z"}, "is not valid yet; this machine's clock says .*: is it set?"),
        ({"BROKER_NAMES": "DNS:elsewhere.example"}, "is for another"),
    ],
)
async def test_a_broker_whose_certificate_is_not_good_is_named(tmp_path: Path, validity: dict[str, str], complaint: str) -> None:
    with (
        secured(tmp_path / "broker", [OURS], [ISMS], **validity) as broker,
        pytest.raises(BrokerUnreachableError, match=complaint),
    ):
        await _refused(broker.as_seen_by(OURS))


async def test_an_authority_that_we_do_not_know_is_named(broker: Secured, tmp_path: Path) -> None:
    from tests.secured import authority

    authority(tmp_path / "foreign", OURS)
    seen = replace(broker.as_seen_by(OURS), ca_file=tmp_path / "foreign" / "ca.crt")
    with pytest.raises(BrokerUnreachableError, match="not signed by an authority in ca_file"):
        await _refused(seen)


async def test_a_message_larger_than_the_broker_takes_is_announced_by_it(broker: Secured) -> None:
    async with Client.of(broker.as_seen_by(OURS)) as client:
        assert client.connection.largest_bytes == 262_144


async def test_the_whole_line_runs_over_certificates_from_a_report_to_its_receipt(broker: Secured, tmp_path: Path) -> None:
    paper = Paper(gateway="gw-1")
    envelopes = paper.chain(5)
    receiver = ReceiverProcess.prepared(tmp_path / "isms", broker.mosquitto, paper)
    certificate, key = broker.certificate(ISMS)
    receiver.broker = broker
    receiver.options = ("--ca-file", str(broker.ca), "--certificate-file", str(certificate), "--key-file", str(key))
    await asyncio.to_thread(receiver.start)
    try:
        async with Client.of(broker.as_seen_by(OURS)) as client:
            client.connection.subscribe(f"{base(OURS)}/receipt")
            for envelope in envelopes:
                client.connection.publish(Letter(topic=paper.topic(), payload=envelope.token))
            async with asyncio.timeout(10):
                while not isinstance(await client.events.get(), Arrived):
                    pass
        shown = await asyncio.to_thread(receiver.gateway)
        assert (shown["records"], shown["state"]) == (5, "sound")
    finally:
        receiver.stop()
