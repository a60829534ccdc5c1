"""The receiver's one MQTT 5 connection: messages in, receipts out.

Decides when a batch ends. Must never acknowledge a message that is not committed, and never let paho queue for us: after a loss
the client is thrown away, and what was not acknowledged comes again, from the broker or from the gateway.

    broker ──message──► inbox ──batch──► intake ──commit──► PUBACK, then the signed receipts that are owed
"""

import logging
import random
import signal
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from evidence.claims import Receipt, Stream
from evidence.envelope import RECEIPT, REQUEST, hash_text, seal
from evidence.keys import Signer
from evidence.topics import parse_issuer, subscription, topic
from isms.asking import Asker, read_response, republish
from isms.broker import BATCH_MESSAGES, Broker, BrokerLostError, connect, new_client, pause_s, topic_of, turn
from isms.intake import Due, Intake
from isms.state import State
from isms.trusted import TrustFile

BATCH_S: Final = 0.2
ASK_EVERY_S: Final = 1.0
REQUEST_EXPIRY_S: Final = 60

_log = logging.getLogger("nameplated.isms")


def receive(state: State, broker: Broker, *, audience: str, prefix: str, share: str = "") -> None:
    """Be the receiver of a directory, or one of several, until SIGTERM or SIGINT.

    Args:
        state: The receiver's directory; its key must be there.
        broker: Where to connect.
        audience: Who we are.
        prefix: The operator's levels above our topics.
        share: Name of the group that shares the work on this directory, or empty.

    Raises:
        EvidenceError: The key cannot be used.
        StateBusyError: Another receiver works in this directory.
        InventoryError: The books cannot be opened or written; nothing more is acknowledged.
        OSError: The directory cannot be used.
    """
    signer, trust = state.load_key(), TrustFile(state.trust)
    with state.lock(shared=bool(share)), state.open_books() as books:
        intake = Intake(books, prefix=prefix, audience=audience)
        chance = random.SystemRandom().random
        receiver = Receiver(
            broker, intake, trust=trust, signer=signer, audience=audience, prefix=prefix, share=share, chance=chance
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: receiver.stop())
        receiver.run()


class Receiver:
    """Connects, receives and answers, until it is told to stop.

    Args:
        broker: Where to connect.
        intake: What takes the messages.
        trust: Whose word counts; read again whenever its file changes.
        signer: Signs receipts.
        audience: Who we are.
        prefix: The operator's levels above our topics.
        share: Name of the group that shares the work, or empty.
        chance: Returns a number from [0, 1).
    """

    def __init__(
        self,
        broker: Broker,
        intake: Intake,
        *,
        trust: TrustFile,
        signer: Signer,
        audience: str,
        prefix: str,
        share: str = "",
        chance: Callable[[], float],
    ) -> None:
        self._broker = broker
        self._intake = intake
        self._trust = trust
        self._signer = signer
        self._audience = audience
        self._prefix = prefix
        self._share = share
        self._chance = chance
        self._asker = Asker()
        self._asked_s = 0.0
        self._stopping = False
        self._connected = False
        self._inbox: list[MQTTMessage] = []
        self._oldest_s = 0.0
        self._taken = 0

    def stop(self) -> None:
        """End `run` soon. Safe to call from a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Receive until stopped, over as many connections as it takes.

        Raises:
            InventoryError: The books cannot be written; nothing more is acknowledged.
        """
        failures = 0
        while not self._stopping:
            why = self._session()
            failures = 0 if self._connected else failures + 1
            if not self._stopping:
                _log.warning("broker.lost why=%r failures=%d", why, failures)
                self._sleep(pause_s(failures, self._chance()))
        _log.info("receive.stopped messages=%d", self._taken)

    def _session(self) -> str:
        """Receive over one connection; return why it ended."""
        self._connected = False
        self._inbox.clear()
        client = new_client(self._broker)
        client.on_connect = self._on_connect
        client.on_message = self._on_message
        client.on_publish = _on_publish
        client.on_subscribe = _on_subscribe
        client.message_callback_add(subscription(self._prefix, "response"), self._on_response)
        try:
            connect(client, self._broker)
            while not self._stopping:
                self._turn(client)
                self._ask(client)
            self._batch(client)
        except BrokerLostError as problem:
            return str(problem)
        finally:
            client.disconnect()  # keeps our session at the broker; a socket that is still open closes with the client
        return "told to stop"

    def _turn(self, client: Client) -> None:
        """Wait for the network once, and end the batch when nothing more is waiting or it is large or old enough.

        Raises:
            BrokerLostError: The connection is gone.
        """
        before = len(self._inbox)
        turn(client, 0.0 if before else BATCH_S)
        arrived = len(self._inbox) - before
        if arrived and not before:
            self._oldest_s = time.monotonic()
        if self._inbox and (not arrived or len(self._inbox) >= BATCH_MESSAGES or time.monotonic() - self._oldest_s >= BATCH_S):
            self._batch(client)

    def _batch(self, client: Client) -> None:
        """Take everything in, make it durable, and only then answer for it."""
        if not self._inbox:
            return
        now, trust = datetime.now(UTC), self._trust.current()
        at = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        for message in self._inbox:
            self._intake.take(topic_of(message), bytes(message.payload), trust=trust, at=at)
        due = self._intake.commit()
        for message in self._inbox:
            client.ack(message.mid, message.qos)
        self._taken += len(self._inbox)
        self._inbox.clear()
        self._answer(client, due, int(now.timestamp()))

    def _answer(self, client: Client, due: Iterable[Due], now_s: int) -> None:
        """Publish receipts. One that is lost on the way is asked for by the gateway, which sends its records again."""
        properties = Properties(PacketTypes.PUBLISH)
        properties.ContentType = "application/jwt"
        for owed in due:
            where = parse_issuer(owed.iss)
            if where is not None:
                token = seal(_receipt(owed, self._audience, now_s), self._signer, typ=RECEIPT).token
                client.publish(topic(self._prefix, *where, "receipt"), token, qos=1, retain=True, properties=properties)

    def _ask(self, client: Client) -> None:
        """Ask, now and then, for records that are missing while later ones wait."""
        now_s = time.monotonic()
        if not self._connected or now_s < self._asked_s + ASK_EVERY_S:
            return
        self._asked_s = now_s
        for hole in self._asker.due(self._intake.holes(), now_s):
            number = self._asker.number(time.time_ns() // 1_000_000)
            request = republish(hole, self._intake.presence(hole.iss), audience=self._audience, number=number)
            where = parse_issuer(hole.iss)
            if request is None or where is None:
                continue
            _log.warning("chain.hole iss=%s from_seq=%d to_seq=%d", hole.iss, hole.from_seq, hole.to_seq)
            token = seal(request, self._signer, typ=REQUEST).token
            properties = request_properties(topic(self._prefix, *where, "response"), number)
            client.publish(topic(self._prefix, *where, "request/republish"), token, qos=1, properties=properties)

    def _sleep(self, seconds: float) -> None:
        """Wait, but not longer than it takes to be told to stop."""
        until_s = time.monotonic() + seconds
        while not self._stopping and (rest_s := until_s - time.monotonic()) > 0:
            time.sleep(min(0.1, rest_s))

    def _on_connect(
        self, client: Client, _data: Any, flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            _log.error("broker.refused why=%r", str(reason))
            return
        self._connected = True
        _log.info("broker.connected session_present=%s", flags.session_present)
        client.subscribe([(each, 1) for each in subscriptions(self._prefix, self._share)])

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self._inbox.append(message)

    def _on_response(self, client: Client, _data: Any, message: MQTTMessage) -> None:
        find_key = self._intake.known_keys(self._trust.current()).find
        response = read_response(
            topic_of(message), bytes(message.payload), prefix=self._prefix, audience=self._audience, find_key=find_key
        )
        if response is not None:
            _log.info("request.answered iss=%s name=%s outcome=%s", response.iss, response.name, response.outcome)
        client.ack(message.mid, message.qos)


def subscriptions(prefix: str, share: str) -> list[str]:
    """Return what a receiver subscribes to.

    Evidence and health are shared among a group: each message goes to one of it. Status is not: the broker hands a retained message
    to nobody who shares, and each receiver may hear it without harm.
    """
    group = f"$share/{share}/" if share else ""
    shared = [group + subscription(prefix, leaf) for leaf in ("evidence", "health")]
    return [*(subscription(prefix, leaf) for leaf in ("status", "response")), *shared]


def request_properties(response_topic: str, number: int) -> Properties:
    """Return what goes with a request: where the answer is expected, by which name, and when nobody needs it any more."""
    properties = Properties(PacketTypes.PUBLISH)
    properties.ContentType = "application/jwt"
    properties.ResponseTopic = response_topic
    properties.CorrelationData = str(number).encode("ascii")
    properties.MessageExpiryInterval = REQUEST_EXPIRY_S
    return properties


def _receipt(owed: Due, audience: str, now_s: int) -> Receipt:
    head = owed.head
    return Receipt(
        v=1,
        iss=audience,
        aud=owed.iss,
        stream=Stream.EVIDENCE,
        epoch=head.epoch,
        upto=head.seq,
        head=hash_text(head.digest),
        iat=now_s,
    )


def _on_publish(_client: Client, _data: Any, _message_id: int, reason: ReasonCode, _properties: Properties) -> None:
    if reason.is_failure:
        _log.error("receipt.refused why=%r", str(reason))


def _on_subscribe(_client: Client, _data: Any, _message_id: int, reasons: list[ReasonCode], _properties: Properties) -> None:
    for reason in reasons:
        if reason.is_failure:
            _log.error("subscription.refused why=%r", str(reason))
