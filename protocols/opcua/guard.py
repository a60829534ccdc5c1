"""The read-only guard: the last place where an OPC UA request is plain bytes, and the only door to the socket.

Decides which requests may leave and how much may come in. Never decides what to ask.

Two ends, tied by tickets. `_GuardedConnection` sees every request body before it is encrypted, refuses what is not on the
allow-list, and remembers the bytes it produced. `_TicketTransport` stands between the library and the socket and writes only
bytes that were remembered, once. A library that took another way around the first end would find the second one shut, so the
guard fails closed when asyncua's inner names change.

The limits on what comes in are ours as well: asyncua takes them from the server's acknowledgement, where 0 means none.

Sources: OPC 10000-4 (services), OPC 10000-6 section 5.2.2.9 (node id encoding), sections 6.7 and 7.1 (chunks, messages).
"""

import asyncio
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from asyncua import ua
from asyncua.client.ua_client import UaClient, UASocketProtocol
from asyncua.common.connection import SecureConnection, TransportLimits
from asyncua.crypto.security_policies import SecurityPolicy
from asyncua.ua import ua_binary
from asyncua.ua.ua_binary import uatcp_to_binary
from asyncua.ua.uaerrors import UaError

from protocols.opcua.meter import Meter

# Request encodings (namespace 0, DefaultBinary) to service names: everything that this program can say over OPC UA.
ALLOWED_SERVICES: Mapping[int, str] = MappingProxyType(
    {
        422: "FindServers",
        428: "GetEndpoints",
        446: "OpenSecureChannel",
        452: "CloseSecureChannel",
        461: "CreateSession",
        467: "ActivateSession",
        473: "CloseSession",
        527: "Browse",
        533: "BrowseNext",
        554: "TranslateBrowsePaths",
        631: "Read",
    }
)

MAX_MESSAGE_BYTES = 256 * 1024  # a GetEndpoints answer with twenty endpoints and certificates is about 50 KiB
MAX_CHUNKS = 8
MAX_CHUNK_BYTES = 65_535
MAX_VISIT_BYTES = 2 * 1024 * 1024  # all answers of one visit; a thorough one stays under 200 KiB
INCOMING_KINDS = frozenset({b"ACK", b"ERR", b"OPN", b"MSG"})
LEAST_CHUNK_BYTES = 8_192  # the standard's floor: whatever a server says, chunks of this size may be sent

# asyncua's own knob: a few bytes can announce an array of a million empty elements, and it would build it.
ua_binary.MAX_RESHAPE_ELEMENTS = 4_096


class ReadOnlyViolationError(UaError):
    """A request outside the allow-list was about to be sent; nothing was.

    A `UaError`, because asyncua wraps, or replaces by a `ConnectionError`, everything else. `protocols.opcua.visit` turns it
    into `ForbiddenRequestError`.
    """


class BudgetSpentError(UaError):
    """The visit's budget of requests is spent; nothing was sent."""


class GuardedProtocol(UASocketProtocol):
    """asyncua's socket protocol behind the guard.

    Attributes:
        fault: Why asyncua gave up on what the server sent. It logs the reason and reports a lost connection.
        closed: Set once the connection is gone.
    """

    def __init__(self, meter: Meter, policy: SecurityPolicy, timeout_s: float) -> None:
        super().__init__(timeout_s, security_policy=policy)
        self.fault: BaseException | None = None
        self.closed = asyncio.Event()
        self._meter = meter
        self._tickets: set[bytes] = set()
        self._connection = _GuardedConnection(policy, meter, self._tickets)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as asyncua narrows it
        """Let asyncua see the guarded door instead of the transport."""
        self._meter.connected()
        door: Any = _TicketTransport(transport, self._tickets, self._meter)
        super().connection_made(door)

    def data_received(self, data: bytes) -> None:
        """Pass on what came, unless it is more than a visit may bring."""
        self._meter.received(len(data))
        super().data_received(data)
        if not _may_become_a_chunk(self.receive_buffer or b"") or self._meter.received_bytes > MAX_VISIT_BYTES:
            self.fault = UaError("the server sent what is no chunk, or more than a visit may bring")
            self.abort()

    async def send_hello(
        self, url: str, max_messagesize: int = MAX_MESSAGE_BYTES, max_chunkcount: int = MAX_CHUNKS
    ) -> ua.Acknowledge:
        """Say hello with the limits that hold here.

        asyncua announces buffers of 2 GiB. A server that sizes its chunks by them finds its own answers too large for the
        message size that stands beside, and never answers at all (node-opcua).
        """
        hello: Any = ua.Hello()  # asyncua's own number types; plain ones do
        hello.ReceiveBufferSize = hello.SendBufferSize = MAX_CHUNK_BYTES
        hello.MaxMessageSize, hello.MaxChunkCount, hello.EndpointUrl = max_messagesize, max_chunkcount, url
        kind: Any = ua.MessageType.Hello
        acknowledge: asyncio.Future[ua.Acknowledge] = asyncio.get_running_loop().create_future()
        self._callbackmap[0] = acknowledge
        if self.transport is not None:
            self.transport.write(uatcp_to_binary(kind, hello))
        async with asyncio.timeout(self.timeout):
            return await acknowledge

    def _process_received_message(self, msg: Any) -> None:
        """Recognise a fault in the place of an open channel: asyncua would take it for a broken answer, and its reason would be lost."""
        body: Any = getattr(msg, "body", None)  # a message has one; acknowledgements and errors do not
        if body is not None and isinstance(self._open_secure_channel_exchange, ua.OpenSecureChannelParameters):
            self.check_answer(body(), " while the channel was opened")
        super()._process_received_message(msg)

    def disconnect_socket(self) -> None:
        """Close, and remember the error that asyncua is handling if it is the one that closes."""
        self.fault = self.fault or sys.exception()
        super().disconnect_socket()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits for the end of the connection."""
        super().connection_lost(exc)
        self.closed.set()

    def close(self) -> None:
        """Send what is waiting, then FIN. Ours: not a sign of a fault."""
        if self.transport is not None:
            self.transport.close()

    def abort(self) -> None:
        """Drop the connection without waiting for what is still to be written."""
        if self.transport is not None:
            self.transport.abort()


class _GuardedConnection(SecureConnection):
    """Where a request is bytes and not yet encrypted: refuse it, or count it and remember what it became."""

    def __init__(self, policy: SecurityPolicy, meter: Meter, tickets: set[bytes]) -> None:
        super().__init__(policy, _PinnedLimits(MAX_CHUNK_BYTES, MAX_CHUNK_BYTES, MAX_CHUNKS, MAX_MESSAGE_BYTES))
        self._meter = meter
        self._tickets = tickets

    def message_to_binary(self, message: bytes, message_type: Any = ua.MessageType.SecureMessage, request_id: int = 0) -> bytes:
        service = allowed_service(message)
        if not self._meter.may_send(service):
            raise BudgetSpentError(f"the budget of {self._meter.max_requests} requests is spent")
        data = bytes(super().message_to_binary(message, message_type, request_id))
        self._meter.request(service)
        self._tickets.add(data)
        return data


class _TicketTransport:
    """The door to the socket. Has no method but these: what asyncua does not need, it does not get."""

    __slots__ = ("_meter", "_tickets", "_transport")

    def __init__(self, transport: asyncio.Transport, tickets: set[bytes], meter: Meter) -> None:
        self._transport = transport
        self._tickets = tickets
        self._meter = meter

    def write(self, data: bytes) -> None:
        """Write bytes that carry a ticket, or a Hello."""
        data = bytes(data)
        if data in self._tickets:
            self._tickets.discard(data)
        elif not _is_hello(data):
            raise ReadOnlyViolationError("bytes that the read-only guard has not seen were about to be sent")
        self._meter.sent(len(data))
        self._transport.write(data)

    def close(self) -> None:
        """Send what is waiting, then FIN."""
        self._transport.close()

    def abort(self) -> None:
        """Drop the connection."""
        self._transport.abort()

    def is_closing(self) -> bool:
        """Whether it is closing or closed."""
        return self._transport.is_closing()


class _PinnedLimits(TransportLimits):
    """Limits of what we accept. The server may only tell how large a chunk it takes."""

    def update_client_limits(self, msg: ua.Acknowledge) -> None:
        self.max_send_buffer = min(max(int(msg.ReceiveBufferSize), LEAST_CHUNK_BYTES), MAX_CHUNK_BYTES)


def allowed_service(message: bytes) -> str:
    """Name the service that an encoded request calls.

    Raises:
        ReadOnlyViolationError: It is not on the allow-list, or its type is not plain to see.
    """
    match tuple(message[:7]):
        case (0x00, number, *_):  # two bytes: numbers up to 255
            pass
        case (0x01, 0x00, low, high, *_):  # four bytes
            number = low | high << 8
        case (0x02, 0x00, 0x00, *rest) if len(rest) == 4:  # seven bytes
            number = int.from_bytes(bytes(rest), "little")
        case _:
            raise ReadOnlyViolationError("a request whose type is no numeric id of namespace 0 was about to be sent")
    service = ALLOWED_SERVICES.get(number)
    if service is None:
        raise ReadOnlyViolationError(f"a request of type i={number} was about to be sent; it is not on the read-only allow-list")
    return service


def _may_become_a_chunk(waiting: bytes) -> bool:
    """Whether the beginning of a chunk is one of a kind and size that may come; asyncua would wait for 4 GiB."""
    if len(waiting) < 8:
        return True
    return waiting[:3] in INCOMING_KINDS and 8 <= int.from_bytes(waiting[4:8], "little") <= MAX_CHUNK_BYTES


def _is_hello(data: bytes) -> bool:
    """Exactly one Hello message and nothing behind it."""
    return data[:4] == b"HELF" and int.from_bytes(data[4:8], "little") == len(data)


async def connect(host: str, port: int, *, policy: SecurityPolicy, meter: Meter, connect_s: float, answer_s: float) -> UaClient:
    """Open one guarded connection. Nothing is sent yet.

    asyncua's own way of connecting is not used: it would build its own protocol. Its `Client` is not used either: it reads
    the server's state every second, renews, reconnects and subscribes.

    Args:
        host: Where to connect.
        port: Its TCP port.
        policy: How the channel will be protected.
        meter: Counts everything that passes.
        connect_s: Time for the connection to stand.
        answer_s: Time for each answer.

    Raises:
        OSError: No connection, `TimeoutError` included.
    """
    client = UaClient(answer_s)
    client.set_security(policy)
    protocol = GuardedProtocol(meter, policy, answer_s)
    meter.begin()
    async with asyncio.timeout(connect_s):
        await asyncio.get_running_loop().create_connection(lambda: protocol, host, port)
    client.protocol = protocol
    return client


def protocol_of(client: UaClient) -> GuardedProtocol:
    """The guarded protocol below a client of `connect`."""
    protocol: Any = client.protocol
    if type(protocol) is not GuardedProtocol:
        raise ReadOnlyViolationError("the connection is not behind the read-only guard")
    return protocol
