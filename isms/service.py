"""The receiver's one MQTT 5 connection: messages in, receipts out.

Decides when a batch ends. Must never acknowledge a message that is not committed, and never let paho queue for us: after a loss
the client is thrown away, and what was not acknowledged comes again, from the broker or from the gateway.

    broker ──message──► inbox ──batch──► intake ──commit──► PUBACK, then the signed receipts that are owed
"""

import logging
import random
import signal
import ssl
import struct
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from paho.mqtt import MQTTException
from paho.mqtt.client import Client, ConnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from evidence.claims import Receipt, Stream
from evidence.envelope import MAX_TOKEN_BYTES, RECEIPT, hash_text, seal
from evidence.keys import Signer
from evidence.topics import parse_issuer, subscription, topic
from isms.intake import Due, Intake
from isms.inventory import Books
from isms.state import State
from isms.trusted import TrustFile

BATCH_MESSAGES: Final = 100
BATCH_S: Final = 0.2
KEEPALIVE_S: Final = 30
SESSION_EXPIRY_S: Final = 7 * 86_400
PAUSE_LONGEST_S: Final = 15.0
_HEADROOM_BYTES: Final = 4096  # topic and properties beside a token

_log = logging.getLogger("nameplated.isms")


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Where and how to connect.

    Attributes:
        host: Host name or address.
        port: TCP port.
        tls: Whether the connection is encrypted and the broker vouched for.
        client_id: Our name at the broker, which keeps our session under it.
        ca_file: Who may vouch for the broker, or None for the system's authorities.
        certificate_file: Our client certificate, or None.
        key_file: Its key, or None.
    """

    host: str
    port: int
    tls: bool
    client_id: str
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None


class BrokerLostError(Exception):
    """The connection to the broker is gone, or never stood."""


def pause_s(failures: int, chance: float) -> float:
    """Return how long to wait before the next attempt: anywhere up to a bound that doubles, so that receivers do not march in step.

    Args:
        failures: Attempts in a row that failed, 0 or more.
        chance: From [0, 1).

    >>> pause_s(0, 0.5), pause_s(3, 0.5), pause_s(1000, 0.5)
    (0.5, 4.0, 7.5)
    """
    return chance * min(PAUSE_LONGEST_S, 2.0 ** min(failures, 10))


def receive(state: State, broker: Broker, *, audience: str, prefix: str) -> None:
    """Be the receiver of a directory until SIGTERM or SIGINT.

    Args:
        state: The receiver's directory; its key must be there.
        broker: Where to connect.
        audience: Who we are.
        prefix: The operator's levels above our topics.

    Raises:
        EvidenceError: The key cannot be used.
        StateBusyError: Another receiver works in this directory.
        InventoryError: The books cannot be opened or written; nothing more is acknowledged.
        OSError: The directory cannot be used.
    """
    signer, trust = state.load_key(), TrustFile(state.trust)
    with state.lock(), Books.open(state.database) as books:
        intake = Intake(books, prefix=prefix, audience=audience)
        chance = random.SystemRandom().random
        receiver = Receiver(broker, intake, trust=trust, signer=signer, audience=audience, prefix=prefix, chance=chance)
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
        chance: Callable[[], float],
    ) -> None:
        self._broker = broker
        self._intake = intake
        self._trust = trust
        self._signer = signer
        self._audience = audience
        self._prefix = prefix
        self._chance = chance
        self._stopping = False
        self._connected = False
        self._inbox: list[MQTTMessage] = []
        self._oldest_s = 0.0

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

    def _session(self) -> str:
        """Receive over one connection; return why it ended."""
        self._connected = False
        self._inbox.clear()
        client = _client(self._broker)
        client.on_connect = self._on_connect
        client.on_message = self._on_message
        client.on_publish = _on_publish
        client.on_subscribe = _on_subscribe
        try:
            _connect(client, self._broker)
            while not self._stopping:
                self._turn(client)
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
        _loop(client, 0.0 if before else BATCH_S)
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
            self._intake.take(_topic(message), bytes(message.payload), trust=trust, at=at)
        due = self._intake.commit()
        for message in self._inbox:
            client.ack(message.mid, message.qos)
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
        client.subscribe([(subscription(self._prefix, leaf), 1) for leaf in ("status", "evidence", "health")])

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self._inbox.append(message)


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


def _client(broker: Broker) -> Client:
    """A client that acknowledges nothing by itself."""
    client = Client(CallbackAPIVersion.VERSION2, client_id=broker.client_id, protocol=MQTTv5, manual_ack=True)
    client.connect_timeout = 5.0
    return client


def _connect(client: Client, broker: Broker) -> None:
    """Open the connection; the broker keeps our session for a week when we are away.

    Raises:
        BrokerLostError: It cannot be opened.
    """
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = SESSION_EXPIRY_S
    properties.ReceiveMaximum = BATCH_MESSAGES
    properties.MaximumPacketSize = MAX_TOKEN_BYTES + _HEADROOM_BYTES
    try:
        if broker.tls:
            client.tls_set_context(_tls(broker))
        client.connect(broker.host, broker.port, KEEPALIVE_S, clean_start=False, properties=properties)
    except (OSError, ValueError) as problem:
        raise BrokerLostError(f"{broker.host}:{broker.port}: {problem}") from problem


def _tls(broker: Broker) -> ssl.SSLContext:
    """TLS 1.2 or later; the broker must be vouched for. Files are read anew for each connection, so they can be replaced."""
    context = ssl.create_default_context(cafile=broker.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if broker.certificate_file:
        context.load_cert_chain(broker.certificate_file, broker.key_file)
    return context


def _loop(client: Client, timeout_s: float) -> None:
    """Let paho move bytes once.

    Raises:
        BrokerLostError: The connection is gone, or the broker sent bytes that paho cannot read.
    """
    try:
        result = client.loop(timeout=timeout_s)
    except (OSError, MQTTException, ValueError, LookupError, struct.error) as problem:
        raise BrokerLostError(f"unreadable bytes from the broker: {problem!r}") from problem
    if result is not MQTTErrorCode.MQTT_ERR_SUCCESS:
        raise BrokerLostError(result.name)


def _topic(message: MQTTMessage) -> str:
    """Return the topic of a message; one that is no text is none of ours."""
    try:
        return message.topic
    except UnicodeDecodeError:
        return ""


def _on_publish(_client: Client, _data: Any, _message_id: int, reason: ReasonCode, _properties: Properties) -> None:
    if reason.is_failure:
        _log.error("receipt.refused why=%r", str(reason))


def _on_subscribe(_client: Client, _data: Any, _message_id: int, reasons: list[ReasonCode], _properties: Properties) -> None:
    for reason in reasons:
        if reason.is_failure:
            _log.error("subscription.refused why=%r", str(reason))
