"""A receiver's MQTT 5 connection: how it is made, and how it ends.

Decides what counts as a lost connection. Must never acknowledge a message by itself, and never use a connection again that broke:
paho would send what it still remembers.
"""

import socket
import ssl
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from paho.mqtt import MQTTException
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from evidence.envelope import MAX_TOKEN_BYTES

BATCH_MESSAGES: Final = 400  # a commit costs as much as a hundred signatures
KEEPALIVE_S: Final = 30
SESSION_EXPIRY_S: Final = 7 * 86_400
PAUSE_LONGEST_S: Final = 15.0
_HEADROOM_BYTES: Final = 4096  # topic and properties beside a token


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
        keeps_session: Whether the broker keeps what comes for us while we are away.
    """

    host: str
    port: int
    tls: bool
    client_id: str
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    keeps_session: bool = True


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


def new_client(broker: Broker) -> Client:
    """A client that acknowledges nothing by itself."""
    client = Client(CallbackAPIVersion.VERSION2, client_id=broker.client_id, protocol=MQTTv5, manual_ack=True)
    client.connect_timeout = 5.0
    return client


def connect(client: Client, broker: Broker) -> None:
    """Open the connection.

    Alone, we have the broker keep our session for a week when we are away. One of several keeps none: what would wait for it there
    goes to the others.

    Raises:
        BrokerLostError: It cannot be opened.
    """
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = SESSION_EXPIRY_S if broker.keeps_session else 0
    properties.ReceiveMaximum = BATCH_MESSAGES
    properties.MaximumPacketSize = MAX_TOKEN_BYTES + _HEADROOM_BYTES
    try:
        if broker.tls:
            client.tls_set_context(_tls(broker))
        client.connect(broker.host, broker.port, KEEPALIVE_S, clean_start=not broker.keeps_session, properties=properties)
    except (OSError, ValueError) as problem:
        raise BrokerLostError(f"{broker.host}:{broker.port}: {problem}") from problem
    sock = client.socket()
    if isinstance(sock, socket.socket):  # else each PUBACK waits for TCP's word on the one before it
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _tls(broker: Broker) -> ssl.SSLContext:
    """TLS 1.2 or later; the broker must be vouched for. Files are read anew for each connection, so they can be replaced."""
    context = ssl.create_default_context(cafile=broker.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if broker.certificate_file:
        context.load_cert_chain(broker.certificate_file, broker.key_file)
    return context


def turn(client: Client, timeout_s: float) -> None:
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


def topic_of(message: MQTTMessage) -> str:
    """Return the topic of a message; one that is no text is none of ours."""
    try:
        return message.topic
    except UnicodeDecodeError:
        return ""
