"""The publishing role with a real broker: delivered, receipted, settled; through an absent, a killed and a forgetful broker."""

import asyncio
import random
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from agent.clock import system_clock
from agent.core.delivery import FIRST_LEAD
from agent.core.hearing import LOST_AFTER_S, TROUBLE_AFTER_S
from agent.core.moment import Moment
from agent.core.observation import Event as Happening
from agent.core.pulse import Pulse
from agent.publish import role as role_module
from agent.publish import spool as spool_module
from agent.publish.airlock import look
from agent.publish.fold import Author
from agent.publish.mqtt import Broker, Connection, Letter
from agent.publish.role import Publisher, Topics
from agent.publish.spool import Spool
from buffer.journal import Journal
from buffer.outbox import Outbox, Stored
from buffer.record import Draft
from evidence import kinds
from evidence.envelope import RECEIPT, REQUEST, RESPONSE, Receipt, Request, Response, Stream, hash_text, seal, unseal
from evidence.keys import FileSigner, create_key, public_from_jwk
from evidence.requests import Outcome, Span
from tests.agent.core.looks import moment
from tests.agent.publish.chains import AUDIENCE, EPOCH, ISSUER, author, body
from tests.agent.publish.test_airlock import NOTHING
from tests.agent.publish.test_spool import open_spool
from tests.brokers import Mosquitto, mosquitto

pytestmark = pytest.mark.mosquitto

MIB = 1024 * 1024
SHORT_WAITS = 112_983  # a seed of which the first five waits before a new connection are less than a tenth of what they may be
BASE = "nameplated/v1/werk-ulm/gw-halle3"
TOPICS = Topics(**{leaf: f"{BASE}/{leaf}" for leaf in ("status", "evidence", "health", "receipt", "request", "response")})


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path / "broker") as running:
        yield running


class Receiver:
    """The other side, as small as it can be: keeps what comes and receipts it when told to."""

    def __init__(self, port: int, gateway: FileSigner, signer: FileSigner) -> None:
        from paho.mqtt.client import Client, MQTTv5
        from paho.mqtt.enums import CallbackAPIVersion

        self.signer = signer
        self.seen: dict[int, str] = {}
        self.tokens: list[bytes] = []
        self.statuses: list[kinds.Body] = []
        self.health: list[kinds.Body] = []
        self.responses: list[tuple[bytes, Response]] = []
        self.asked = 0
        self._key = public_from_jwk(gateway.public_jwk)
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
        self._client.on_message = self._on_message
        self._client.on_connect = lambda client, *_: client.subscribe(f"{BASE}/#", qos=1)
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _on_message(self, _client, _data, message) -> None:
        if message.topic.endswith("/response"):
            response = unseal(message.payload, lambda _: self._key, typ=RESPONSE, as_type=Response).claims
            self.responses.append((message.properties.CorrelationData, response))
        if message.topic.removeprefix(f"{BASE}/") not in ("evidence", "status", "health"):
            return
        claims = unseal(message.payload, lambda kid: self._key if kid == self._key.kid else None).claims
        body = kinds.decode_body(claims)
        if claims.stream is Stream.EVIDENCE:
            self.tokens.append(message.payload)
            self.seen[claims.seq] = hash_text(unseal(message.payload, lambda _: self._key).envelope.digest)
        elif claims.stream is Stream.STATUS:
            self.statuses.append(body)
        else:
            self.health.append(body)

    def receipt(self, upto: int, *, signer: FileSigner | None = None, head: str | None = None) -> None:
        claims = Receipt(
            v=1,
            iss=AUDIENCE,
            aud=ISSUER,
            stream=Stream.EVIDENCE,
            epoch=EPOCH,
            upto=upto,
            head=head or self.seen[upto],
            iat=int(time.time()),
        )
        self._client.publish(f"{BASE}/receipt", seal(claims, signer or self.signer, typ=RECEIPT).token, qos=1, retain=True)

    def ask(self, name: str, sess: int, span: Span | None = None, *, number: int = 0, signer: FileSigner | None = None) -> bytes:
        self.asked += 1
        request = Request(
            v=1, iss=AUDIENCE, aud=ISSUER, epoch=EPOCH, sess=sess, n=number or self.asked, iat=0, name=name, span=span
        )
        token = seal(request, signer or self.signer, typ=REQUEST).token
        self.say(f"request/{name}", token)
        return token

    def say(self, leaf: str, token: bytes) -> None:
        properties = Properties(PacketTypes.PUBLISH)
        properties.ResponseTopic = "somewhere/else"
        properties.CorrelationData = b"c%d" % self.asked
        self._client.publish(f"{BASE}/{leaf}", token, qos=1, properties=properties)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Listener:
    """Hears everything, in the order in which the broker passes it on, and answers nothing."""

    def __init__(self, port: int) -> None:
        from paho.mqtt.client import Client, MQTTv5
        from paho.mqtt.enums import CallbackAPIVersion

        self.leaves: list[str] = []
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
        self._client.on_message = lambda _client, _data, message: self.leaves.append(message.topic.rpartition("/")[2])
        self._client.on_connect = lambda client, *_: client.subscribe(f"{BASE}/#", qos=1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Gateway:
    """A journal to write into, and the role that publishes it."""

    def __init__(self, tmp_path: Path, port: int) -> None:
        self.path = tmp_path
        self.port = port
        self.author: Author = author(tmp_path)
        self.isms = create_key(tmp_path / "isms.key")

    @property
    def broker(self) -> Broker:
        return Broker(host="127.0.0.1", port=self.port, tls=False, client_id="werk-ulm:gw-halle3")

    def write(self, count: int, *, padding: int = 0) -> None:
        happening = Happening(name="test", at=moment().text, moment=moment(), subject="y" * padding, detail="x" * padding)
        event = msgspec.json.encode(happening)
        with Journal.open(self.path / "journal.db", max_bytes=MIB) as journal:
            journal.append([Draft(kind="event", subject="gateway", at=moment().text, body=event)] * count)

    @asynccontextmanager
    async def publishing(self, *, receipts: bool = True) -> AsyncIterator[Spool]:
        begin = kinds.ChainStart(
            reason=kinds.StartReason.FIRST_BOOT,
            plant="werk-ulm",
            gateway="gw-halle3",
            agent_version="0",
            previous=None,
            at=moment().text,
        )
        clock = system_clock()
        with Outbox.open(self.path / "outbox.db", max_bytes=MIB) as outbox:
            spool = Spool(
                outbox,
                self.path / "journal.db",
                self.path / "watermark",
                author=self.author,
                begin=begin,
                epoch=EPOCH,
                now=clock(),
            )
            self.publisher = Publisher(
                spool,
                self.author,
                self.broker,
                TOPICS,
                receiver=public_from_jwk(self.isms.public_jwk) if receipts else None,
                agent_version="0",
                clock=clock,
                chance=random.Random(SHORT_WAITS),
            )
            role = asyncio.create_task(self.publisher.run())
            try:
                yield spool
            finally:
                role.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await role


@pytest.fixture
def gateway(tmp_path: Path, broker: Mosquitto) -> Gateway:
    return Gateway(tmp_path, broker.port)


@pytest.fixture
def receiver(gateway: Gateway, broker: Mosquitto) -> Iterator[Receiver]:
    running = Receiver(broker.port, gateway.author.signer, gateway.isms)
    yield running
    running.close()


async def until(condition: Callable[[], bool], within_s: float = 20) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.02)


async def test_everything_is_delivered_and_settled_by_a_receipt(gateway: Gateway, receiver: Receiver) -> None:
    gateway.write(250)
    async with gateway.publishing() as spool:
        await until(lambda: len(receiver.seen) == FIRST_LEAD)
        assert spool.outbox.depth().count == 251
        receiver.receipt(99)
        await until(lambda: len(receiver.seen) >= 200)
        receiver.receipt(199)
        await until(lambda: len(receiver.seen) == 251)
        receiver.receipt(250)
        await until(lambda: spool.outbox.depth().count == 0)
    assert len(receiver.tokens) == 251


async def test_receipts_of_a_moment_are_settled_in_few_commits(
    gateway: Gateway, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.write(FIRST_LEAD - 1)
    with caplog.at_level("INFO", "nameplated.publish"):
        async with gateway.publishing() as spool:
            await until(lambda: len(receiver.seen) == FIRST_LEAD)
            for upto in range(FIRST_LEAD):
                receiver.receipt(upto)
            await until(lambda: spool.outbox.depth().count == 0)
    assert 1 <= caplog.text.count("receipt.settled") < 50


async def test_forged_receipt_and_wrong_head_settle_nothing(gateway: Gateway, receiver: Receiver, tmp_path: Path) -> None:
    gateway.write(5)
    async with gateway.publishing() as spool:
        await until(lambda: len(receiver.seen) == 6)
        receiver.receipt(5, signer=create_key(tmp_path / "stranger.key"))
        receiver.receipt(5, head="A" * 43)
        await asyncio.sleep(0.5)
        assert spool.outbox.depth().count == 6
        receiver.receipt(5)
        await until(lambda: spool.outbox.depth().count == 0)


async def test_without_a_receiver_the_broker_s_word_settles(gateway: Gateway, receiver: Receiver) -> None:
    gateway.write(30)
    async with gateway.publishing(receipts=False) as spool:
        await until(lambda: spool.outbox.depth().count == 0)
    assert len(receiver.seen) == 31
    assert isinstance(receiver.statuses[0], kinds.StatusOnline) and receiver.statuses[0].delivery == "unconfirmed"


async def test_what_a_killed_broker_forgot_is_sent_again_to_the_byte(
    gateway: Gateway, receiver: Receiver, broker: Mosquitto
) -> None:
    gateway.write(10)
    async with gateway.publishing() as spool:
        await until(lambda: len(receiver.seen) == 11)
        broker.kill()
        gateway.write(3)
        await asyncio.sleep(0.3)
        broker.start()
        await until(lambda: len(receiver.seen) == 14)
        await until(lambda: len(receiver.tokens) >= 25)
        receiver.receipt(13)
        await until(lambda: spool.outbox.depth().count == 0)
    assert len(set(receiver.tokens)) == 14


async def test_absent_broker_is_waited_for(gateway: Gateway, receiver: Receiver, broker: Mosquitto) -> None:
    broker.stop()
    gateway.write(2)
    async with gateway.publishing() as spool:
        await until(lambda: spool.outbox.depth().count == 3)
        broker.start()
        await until(lambda: len(receiver.seen) == 3)


async def test_status_says_online_with_the_session_and_offline_at_the_end(gateway: Gateway, receiver: Receiver) -> None:
    for session in (1, 2):
        async with gateway.publishing():
            await until(
                lambda n=session: any(isinstance(each, kinds.StatusOnline) and each.sess == n for each in receiver.statuses)
            )
            await until(lambda n=session: any(isinstance(each, kinds.Health) and each.sess == n for each in receiver.health))
        await until(lambda n=session: receiver.statuses[-1] == kinds.StatusOffline(sess=n))


async def test_envelope_that_the_broker_will_never_take_is_confessed_and_does_not_block_the_rest(
    gateway: Gateway, tmp_path: Path
) -> None:
    with mosquitto(tmp_path / "narrow", "max_packet_size 4400") as narrow:
        gateway.port = narrow.port
        receiver = Receiver(narrow.port, gateway.author.signer, gateway.isms)
        gateway.write(1)
        gateway.write(1, padding=1000)
        gateway.write(2)
        async with gateway.publishing() as spool:
            await until(lambda: {0, 1, 3, 4} <= set(receiver.seen))
            large = spool.outbox.find(EPOCH, 2)
            assert isinstance(large, Stored)
            await until(lambda: spool.outbox.find(EPOCH, 2) is None, within_s=30)
            await until(lambda: 5 in receiver.seen)
            gap = spool.outbox.find(EPOCH, 5)
            assert isinstance(gap, Stored)
        receiver.close()
    assert body(gap, gateway.author.signer) == kinds.Gap(
        from_seq=2, to_seq=2, count=1, reason=kinds.GapReason.QUARANTINE, last_hash=hash_text(large.digest)
    )


async def test_receiver_that_comes_a_moment_late_waits_a_moment_and_not_a_quarter_of_a_minute(
    gateway: Gateway, broker: Mosquitto
) -> None:
    gateway.write(30)
    async with gateway.publishing():
        await asyncio.sleep(1.2)
        receiver = Receiver(broker.port, gateway.author.signer, gateway.isms)
        began_s = time.monotonic()
        await until(lambda: len(receiver.seen) == 31 and bool(receiver.health), within_s=6)
        assert time.monotonic() - began_s < 5
    receiver.close()


async def test_status_is_told_on_request_to_our_own_topic_with_the_correlation(gateway: Gateway, receiver: Receiver) -> None:
    async with gateway.publishing():
        await until(lambda: bool(receiver.statuses))
        receiver.ask("status", 1)
        await until(lambda: bool(receiver.responses))
    [(correlation, response)] = receiver.responses
    assert (correlation, response.outcome, response.n) == (b"c1", Outcome.DONE, 1)
    assert response.health and response.health.sess == 1 and response.health.host["memory_total_bytes"] > 0


async def test_requests_that_do_not_count_are_not_answered(gateway: Gateway, receiver: Receiver, tmp_path: Path) -> None:
    async with gateway.publishing():
        await until(lambda: bool(receiver.statuses))
        stranger = create_key(tmp_path / "stranger.key")
        receiver.ask("status", 1, signer=stranger)
        receiver.ask("status", 7)
        token = receiver.ask("status", 1, number=50)
        await until(lambda: len(receiver.responses) == 1)
        receiver.say("request/status", token)
        receiver.ask("status", 1, number=49)
        for _ in range(40):
            receiver.say("request/status", b"noise")
        await asyncio.sleep(0.5)
    assert [response.n for _, response in receiver.responses] == [50]


async def test_what_the_receiver_misses_is_sent_again_to_the_byte(gateway: Gateway, receiver: Receiver) -> None:
    gateway.write(6)
    async with gateway.publishing():
        await until(lambda: len(receiver.seen) == 7)
        before = list(receiver.tokens)
        receiver.ask("republish", 1, Span(epoch=EPOCH, from_seq=3, to_seq=4))
        await until(lambda: len(receiver.tokens) >= 11)
    assert receiver.tokens[7:11] == before[3:7]
    assert receiver.responses[0][1].outcome is Outcome.DONE


async def test_what_was_receipted_and_let_go_of_is_answered_with_a_signed_gap(gateway: Gateway, receiver: Receiver) -> None:
    gateway.write(6)
    async with gateway.publishing() as spool:
        await until(lambda: len(receiver.seen) == 7)
        receiver.receipt(4)
        await until(lambda: spool.outbox.depth().count == 2)
        for _ in range(2):  # asking twice makes no second gap
            receiver.ask("republish", 1, Span(epoch=EPOCH, from_seq=2, to_seq=3))
            await until(lambda: len(receiver.responses) == receiver.asked)
        await until(lambda: 7 in receiver.seen)
        gap, none = spool.outbox.find(EPOCH, 7), spool.outbox.find(EPOCH, 8)
    assert isinstance(gap, Stored) and none is None
    assert body(gap, gateway.author.signer) == kinds.Gap(
        from_seq=2, to_seq=4, count=3, reason=kinds.GapReason.DELIVERED, last_hash=receiver.seen[4]
    )
    assert {response.outcome for _, response in receiver.responses} == {Outcome.ABSENT}


async def test_envelope_that_ends_the_connection_each_time_is_confessed_and_the_rest_goes_on(
    gateway: Gateway, tmp_path: Path
) -> None:
    # mosquitto answers what is above this limit with 0x95, which no PUBACK may say: paho then hangs up.
    with mosquitto(tmp_path / "narrow", "message_size_limit 2500") as narrow:
        gateway.port = narrow.port
        receiver = Receiver(narrow.port, gateway.author.signer, gateway.isms)
        async with gateway.publishing() as spool:
            await until(lambda: 0 in receiver.seen)
            receiver.receipt(0)
            await until(lambda: spool.outbox.depth().count == 0)
            gateway.write(1, padding=1000)  # the oldest that waits: nothing that is taken comes before it
            gateway.write(30)
            await until(lambda: 32 in receiver.seen, within_s=60)
            gap = spool.outbox.find(EPOCH, 32)
            assert isinstance(gap, Stored)
            receiver.receipt(32)
            await until(lambda: spool.outbox.depth().count == 0)
        receiver.close()
    found = body(gap, gateway.author.signer)
    assert isinstance(found, kinds.Gap) and (found.from_seq, found.to_seq, found.reason) == (1, 1, kinds.GapReason.QUARANTINE)


async def test_newest_status_and_health_go_before_the_backlog(gateway: Gateway, broker: Mosquitto) -> None:
    gateway.write(200)
    listener = Listener(broker.port)
    async with gateway.publishing():
        await until(lambda: len(listener.leaves) > 100)
    listener.close()
    assert listener.leaves[:3] == ["status", "health", "evidence"]


async def test_a_twin_with_our_name_is_named_and_both_keep_their_records(
    gateway: Gateway, receiver: Receiver, broker: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.write(3)
    async with gateway.publishing() as spool:
        await until(lambda: len(receiver.seen) == 4)
        will = Letter(topic=f"{BASE}/status", payload=b"twin")
        twin = await Connection.open(gateway.broker, will, lambda _: None)
        await until(lambda: "another client has our name" in caplog.text)
        await twin.close()
        assert spool.outbox.depth().count == 4


class Hanging:
    """A publisher whose look into the journal is out, with a clock that can be put forward."""

    def __init__(self, gateway: Gateway, spool: Spool) -> None:
        self.ahead_s = 0.0
        self.end = threading.Event()
        self.pulse = Pulse()
        self.publisher = Publisher(
            spool,
            gateway.author,
            Broker(host="127.0.0.1", port=1, tls=False, client_id="nobody"),
            TOPICS,
            receiver=None,
            agent_version="0",
            clock=self.clock,
            chance=random.Random(1),
            pulse=self.pulse,
        )
        spool._airlock.start(lambda: self.end.wait() and look(gateway.path / "journal.db", NOTHING, states=False))

    def clock(self) -> Moment:
        now = system_clock()()
        return msgspec.structs.replace(now, up_s=now.up_s + self.ahead_s)

    def overdue(self, later_s: float) -> list[str]:
        return self.pulse.overdue(self.clock().up_s + later_s)


@asynccontextmanager
async def hanging(tmp_path: Path) -> AsyncIterator[tuple[Hanging, Spool]]:
    gateway = Gateway(tmp_path, 1)
    gateway.write(3)
    spool = open_spool(tmp_path, gateway.author)
    running = Hanging(gateway, spool)
    role = asyncio.create_task(running.publisher.run())
    try:
        yield running, spool
    finally:
        running.end.set()
        role.cancel()
        with pytest.raises(asyncio.CancelledError):
            await role
        spool.outbox.close()


async def test_look_that_hangs_is_said_once_and_to_whoever_asks_and_its_end_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(role_module, "FOLD_EVERY_S", 0.01)
    with caplog.at_level("INFO", "nameplated.publish"):
        async with hanging(tmp_path) as (running, spool):
            await asyncio.sleep(0.1)
            assert running.publisher.trouble() == ""
            running.ahead_s = TROUBLE_AFTER_S
            await until(lambda: "journal.unheard" in caplog.text)
            await asyncio.sleep(0.1)
            assert caplog.text.count("journal.unheard") == 1
            assert "has not come back" in running.publisher.trouble()
            running.end.set()
            await until(lambda: spool.chain.seq == 3)
            assert running.publisher.trouble() == "" and "journal.heard" in caplog.text


async def test_look_that_hangs_for_good_ends_the_promise_of_the_fold_so_that_the_watchdog_sees_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(role_module, "FOLD_EVERY_S", 0.01)
    async with hanging(tmp_path) as (running, _):
        await until(lambda: running.publisher._hearing.is_lost(running.clock().up_s + LOST_AFTER_S))
        assert "fold" not in running.overdue(role_module.LONGEST_FOLD_S - 10)
        running.ahead_s = LOST_AFTER_S
        await asyncio.sleep(0.1)
        assert "fold" in running.overdue(1.0)


async def test_look_that_is_merely_late_is_waited_for_and_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = Gateway(tmp_path, 1)
    gateway.write(3)
    monkeypatch.setattr(role_module, "LONGEST_LOOK_S", 0.02)
    monkeypatch.setattr(role_module, "FOLD_EVERY_S", 0.01)
    monkeypatch.setattr(spool_module, "look", lambda *given, **how: (time.sleep(0.2), look(*given, **how))[1])
    async with gateway.publishing() as spool:
        await until(lambda: spool.chain.seq == 3, within_s=5)
