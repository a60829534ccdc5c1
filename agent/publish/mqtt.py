"""One MQTT 5 connection on the event loop, without a thread: paho speaks the protocol, this file moves its bytes.

Decides nothing: what happens on the wire becomes events, and `agent.publish.role` decides. Never queues: paho's own queue
stays empty, because what it holds is lost with the process. Never connects twice: after a loss the object is thrown away,
because paho would send again what it still remembers.

Source: docs/decisions/0005-mqtt-5-only.md, docs/decisions/0006-paho-without-a-thread.md.
"""

import asyncio
import contextlib
import socket
import ssl
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from agent import credentials
from agent.core.fates import explained
from agent.publish import certificates
from agent.publish.errors import BrokerRefusedError, BrokerUnreachableError

KEEPALIVE_S = 30
CONNECT_TIMEOUT_S = 10.0
LARGEST_WINDOW = 20
LARGEST_PACKET_BYTES = 262_144
LARGEST_RECEIVE_MAXIMUM = 65_535
WILL_DELAY_S = 5
"""How long a broken connection may take to come back before the will says that the gateway is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Where and how to connect, from the plant file.

    Attributes:
        host: Host name or address.
        port: TCP port.
        tls: Whether the connection is encrypted and the broker vouched for.
        client_id: Our name at the broker; with certificates the broker may insist on the certificate's.
        ca_file: Who may vouch for the broker, or None for the system's authorities.
        certificate_file: Our client certificate, or None.
        key_file: Its key, or None.
        username_file: One line `user:password`, or None.
    """

    host: str
    port: int
    tls: bool
    client_id: str
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    username_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message to publish. `correlation` says which request it answers."""

    topic: str
    payload: bytes
    retain: bool = False
    expiry_s: int | None = None
    correlation: bytes = b""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A PUBACK came for a message id."""

    message_id: int
    reason_code: int


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message came on a topic that we subscribed to. `correlation` is what its answer is to carry; nobody signed it."""

    topic: str
    payload: bytes
    correlation: bytes = b""


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is gone. The code is the broker's, if it said one: `0x8e` is a second gateway with our name."""

    reason: str
    reason_code: int = 0


Event = Acknowledged | Arrived | Lost


class Connection:
    """A connection that stands. `tell` is told what happens on it, ending with `Lost`.

    Attributes:
        window: How many envelopes may be under way.
        receive_maximum: How many messages of all sorts the broker takes at once.
        unanswered: How many have no PUBACK.
        largest_bytes: The largest packet that the broker takes.
    """

    def __init__(self, broker: Broker, will: Letter, tell: Callable[[Event], None]) -> None:
        self._tell = tell
        self.window = LARGEST_WINDOW
        self.receive_maximum = LARGEST_RECEIVE_MAXIMUM
        self.unanswered = 0
        self.largest_bytes = LARGEST_PACKET_BYTES
        self._remark = ""
        self._loop = asyncio.get_running_loop()
        self._connected: asyncio.Future[None] = self._loop.create_future()
        self._client = _client(broker, will)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message
        self._upkeep: asyncio.Task[None] | None = None
        self._lost = False

    @classmethod
    async def open(cls, broker: Broker, will: Letter, tell: Callable[[Event], None]) -> Self:
        """Connect and wait for the broker's word.

        Raises:
            BrokerUnreachableError: No connection in time, or TLS failed.
            BrokerRefusedError: The broker does not let us in.
        """
        connection = cls(broker, will, tell)
        try:
            await connection._connect(broker)
        except BaseException:
            connection._drop()
            raise
        return connection

    def publish(self, letter: Letter) -> int:
        """Hand a message to the connection and return its message id; the PUBACK comes as an event.

        Raises:
            BrokerUnreachableError: The connection broke in the meantime.
        """
        info = self._client.publish(letter.topic, letter.payload, qos=1, retain=letter.retain, properties=_properties(letter))
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise BrokerUnreachableError(f"could not send: {info.rc.name}")
        self.unanswered += 1
        return info.mid

    def subscribe(self, topic: str) -> None:
        """Subscribe to a topic, at least once."""
        self._client.subscribe(topic, qos=1)

    async def close(self) -> None:
        """Say goodbye, so that the broker does not send our will, and close."""
        if not self._lost:
            self._client.disconnect()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    while self._client.want_write():
                        await asyncio.sleep(0.01)
        self._drop()

    async def _connect(self, broker: Broker) -> None:
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 0  # our outbox is the session
        properties.ReceiveMaximum = LARGEST_WINDOW
        properties.MaximumPacketSize = LARGEST_PACKET_BYTES
        where = f"{broker.host}:{broker.port}"
        self._remark = _remark(broker)
        try:
            # paho connects with a blocking socket: off the loop, or a black hole would stop everything for its time-out.
            await asyncio.to_thread(
                self._client.connect, broker.host, broker.port, KEEPALIVE_S, clean_start=True, properties=properties
            )
        except (OSError, ValueError) as error:  # ValueError: the broker's name cannot be one
            traceback.clear_frames(error.__traceback__)  # paho leaves the socket of a failed handshake lying there
            why = certificates.reason(error, datetime.now(UTC)) if isinstance(error, OSError) else str(error)
            raise BrokerUnreachableError(f"{where}: {why}{self._remark}") from error
        self._attach()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self._connected
        except TimeoutError as error:
            raise BrokerUnreachableError(f"{where}: connected, but no MQTT answer in {CONNECT_TIMEOUT_S:.0f} s") from error

    def _attach(self) -> None:
        """Let the event loop move the bytes of a socket that stands."""
        sock = self._client.socket()
        if sock is None:
            if self._connected.done():
                self._connected.result()  # raises: why it closed was heard already
            raise BrokerUnreachableError(f"the connection closed before it was used{self._remark}")
        if isinstance(sock, socket.socket):  # else each message waits for TCP's word on the one before it
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._loop.add_reader(sock, self._on_readable)
        self._client.on_socket_register_write = self._on_want_write
        self._client.on_socket_unregister_write = self._on_written
        self._client.on_socket_close = self._on_socket_close
        if self._client.want_write():
            self._on_want_write(self._client, None, sock)
        self._upkeep = self._loop.create_task(self._keep_up())

    async def _keep_up(self) -> None:
        """Pings and time-outs, once a second."""
        while self._client.loop_misc() == MQTTErrorCode.MQTT_ERR_SUCCESS:
            await asyncio.sleep(1.0)

    def _on_readable(self) -> None:
        """Read until TLS holds nothing back: bytes that it has already decrypted wake no event loop."""
        self._client.loop_read()
        while isinstance(sock := self._client.socket(), ssl.SSLSocket) and sock.pending():
            self._client.loop_read()

    def _on_want_write(self, _client: Client, _data: Any, sock: Any) -> None:
        self._loop.add_writer(sock, self._client.loop_write)

    def _on_written(self, _client: Client, _data: Any, sock: Any) -> None:
        self._loop.remove_writer(sock)

    def _on_socket_close(self, _client: Client, _data: Any, sock: Any) -> None:
        self._loop.remove_reader(sock)
        self._loop.remove_writer(sock)

    def _on_connect(
        self, _client: Client, _data: Any, _flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if self._connected.done():
            return
        if reason.is_failure:
            self._connected.set_exception(
                BrokerRefusedError(f"the broker does not let us in: {explained(reason.value, str(reason))}")
            )
            return
        self.receive_maximum = getattr(properties, "ReceiveMaximum", LARGEST_RECEIVE_MAXIMUM)
        self.window = min(LARGEST_WINDOW, self.receive_maximum)
        self.largest_bytes = min(LARGEST_PACKET_BYTES, getattr(properties, "MaximumPacketSize", LARGEST_PACKET_BYTES))
        self._connected.set_result(None)

    def _on_disconnect(
        self, _client: Client, _data: Any, _flags: DisconnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        # paho calls this twice when a ping stays unanswered.
        if not self._connected.done():
            self._connected.set_exception(BrokerUnreachableError(f"the broker closed the connection: {reason}{self._remark}"))
        elif not self._lost:
            self._tell(Lost(str(reason), reason.value))
        self._lost = True

    def _on_publish(self, _client: Client, _data: Any, message_id: int, reason: ReasonCode, _properties: Properties) -> None:
        self.unanswered -= 1
        self._tell(Acknowledged(message_id, reason.value))

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        correlation = getattr(message.properties, "CorrelationData", b"")
        with contextlib.suppress(UnicodeDecodeError):  # a topic that is no text is none of ours
            self._tell(Arrived(message.topic, bytes(message.payload), bytes(correlation)))

    def _drop(self) -> None:
        """Let go of the socket, whatever state it is in."""
        self._lost = True
        if not self._connected.cancel() and not self._connected.cancelled():
            self._connected.exception()  # looked at, or asyncio would complain that nobody did
        if self._upkeep:
            self._upkeep.cancel()
        sock = self._client.socket()
        if sock is not None:
            self._on_socket_close(self._client, None, sock)
            sock.close()


def _client(broker: Broker, will: Letter) -> Client:
    """A paho client that keeps nothing to itself.

    Raises:
        BrokerUnreachableError: A certificate or password file cannot be read.
    """
    client = Client(CallbackAPIVersion.VERSION2, client_id=broker.client_id, protocol=MQTTv5)
    client.connect_timeout = CONNECT_TIMEOUT_S
    client.max_inflight_messages_set(LARGEST_WINDOW + 4)  # our window, and room for status and health beside it
    properties = Properties(PacketTypes.WILLMESSAGE)
    properties.WillDelayInterval = WILL_DELAY_S
    properties.ContentType = "application/jwt"
    client.will_set(will.topic, will.payload, qos=1, retain=will.retain, properties=properties)
    try:
        if broker.tls:
            client.tls_set_context(credentials.context(broker))
        if broker.username_file:
            client.username_pw_set(*credentials.login(broker.username_file))
    except credentials.CredentialError as error:
        raise BrokerUnreachableError(f"a file for the broker connection cannot be used: {error}") from error
    return client


def _content_type() -> Properties:
    properties = Properties(PacketTypes.PUBLISH)
    properties.ContentType = "application/jwt"
    return properties


_PLAIN = _content_type()
"""Of every message with no properties of its own: paho's are slow to make."""


def _properties(letter: Letter) -> Properties:
    """Return what goes with a message."""
    if letter.expiry_s is None and not letter.correlation:
        return _PLAIN
    properties = _content_type()
    if letter.expiry_s is not None:
        properties.MessageExpiryInterval = letter.expiry_s
    if letter.correlation:
        properties.CorrelationData = letter.correlation
    return properties


def _remark(broker: Broker) -> str:
    """Say, beside what failed, if our own certificate is not valid now: with TLS 1.3 the broker only hangs up."""
    if not (broker.tls and broker.certificate_file):
        return ""
    try:
        found = certificates.remark(broker.certificate_file.read_bytes(), datetime.now(UTC))
    except OSError:
        return ""
    return f"; {found}" if found else ""
