"""What a reader is asked and what it answers: the whole surface between the protocols and the gateway.

Decides nothing. Everything here is frozen data that survives JSON (an OPC UA visit crosses a process boundary), and every
string that came from a device has been bounded and cleaned (`protocols.text`); its bytes are kept beside it as hex.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Transport(StrEnum):
    """How bytes reach the device; also the scheme of its address."""

    MODBUS_TCP = "modbus-tcp"
    MODBUS_RTU = "modbus-rtu"
    MODBUS_RTU_TCP = "modbus-rtu-tcp"
    OPC_UA = "opc.tcp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where to connect.

    Attributes:
        transport: How bytes reach it.
        host: Host name or address; for a serial line the path of the port.
        port: TCP port; 0 on a serial line.
        unit: Modbus unit id, 0 to 255; None for OPC UA.
        path: Path of an OPC UA endpoint, with its leading slash, or empty.
        baud: Serial line only, bits per second.
        parity: Serial line only: "N", "E" or "O".
    """

    transport: Transport
    host: str
    port: int = 0
    unit: int | None = None
    path: str = ""
    baud: int = 19200
    parity: str = "E"

    @property
    def lane(self) -> str:
        """What must never carry two requests at once: the host, or the serial line. Politeness is kept per lane."""
        return self.host


class Security(StrEnum):
    """How an OPC UA session is protected."""

    NONE = "none"
    SIGN = "sign"
    SIGN_AND_ENCRYPT = "sign-and-encrypt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one look may cost a device. Defaults and reasons: design of politeness, docs/decisions/0008-politeness.md.

    Attributes:
        connect_timeout_s: Time for a connection to stand.
        response_timeout_s: Time for one answer.
        gap_s: Least pause between an answer and the next request.
        max_requests: Requests to one endpoint in one visit.
        visit_s: Wall time for one endpoint in one visit.
    """

    connect_timeout_s: float = 3.0
    response_timeout_s: float = 3.0
    gap_s: float = 0.25
    max_requests: int = 6
    visit_s: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One endpoint to look at.

    Attributes:
        endpoint: Where.
        limits: What it may cost.
        profile: Name of the register profile to use, or empty for the protocol's own identification.
        learned: What an earlier `Answer.learned` said, so that this visit asks less. Opaque to everyone but the reader.
        security: How an OPC UA session is protected.
        deprecated_policies: OPC UA: security policies that rest on SHA-1 will do where the server has no better one.
        username_file: OPC UA: a file with one line, `user:password`; empty to log in as nobody. A path, never the secret.
        user_certificate_file: OPC UA: certificate of the user to log in as, together with `user_key_file`.
        user_key_file: OPC UA: its private key, PEM without a passphrase.
    """

    endpoint: Endpoint
    limits: Limits = Limits()
    profile: str = ""
    learned: tuple[str, ...] = ()
    security: Security = Security.NONE
    deprecated_policies: bool = False
    username_file: str = ""
    user_certificate_file: str = ""
    user_key_file: str = ""


class Outcome(StrEnum):
    """How one look ended."""

    IDENTIFIED = "identified"  # at least one field of a nameplate
    ANONYMOUS = "anonymous"  # it answers, and has no identity to tell
    UNREACHABLE = "unreachable"  # no connection
    SILENT = "silent"  # a connection, no answer
    REFUSED = "refused"  # it said no, or hung up
    MALFORMED = "malformed"  # it answered nonsense
    UNTRUSTED = "untrusted"  # a certificate stands in between


class Field(StrEnum):
    """Fields of a nameplate: idShorts of IDTA 02006-3 (Digital Nameplate for Industrial Equipment) in snake_case."""

    MANUFACTURER_NAME = "manufacturer_name"
    MANUFACTURER_PRODUCT_DESIGNATION = "manufacturer_product_designation"
    MANUFACTURER_PRODUCT_FAMILY = "manufacturer_product_family"
    MANUFACTURER_PRODUCT_TYPE = "manufacturer_product_type"
    ORDER_CODE_OF_MANUFACTURER = "order_code_of_manufacturer"
    SERIAL_NUMBER = "serial_number"
    HARDWARE_VERSION = "hardware_version"
    FIRMWARE_VERSION = "firmware_version"
    SOFTWARE_VERSION = "software_version"
    YEAR_OF_CONSTRUCTION = "year_of_construction"
    DATE_OF_MANUFACTURE = "date_of_manufacture"
    URI_OF_THE_PRODUCT = "uri_of_the_product"


class Confidence(StrEnum):
    """How far a value may be believed."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One field of a nameplate with the evidence for it.

    Attributes:
        field: Which field.
        value: Cleaned text, never empty.
        source: The request and the place in its answer: `43/14 object 0x00`, `FC3 0x2012`, `i=2263`.
        raw: The bytes the value was made from, as hex.
        profile: `id@version` of the register profile that interpreted them, or empty.
        confidence: How far it may be believed.
    """

    field: Field
    value: str
    source: str
    raw: str
    profile: str = ""
    confidence: Confidence = Confidence.HIGH


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """Software that runs on the device without being its firmware: an OPC UA server, a runtime."""

    name: str
    version: str = ""
    manufacturer: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A device that is only seen through another one.

    Attributes:
        key: Stable name below its parent: a browse path, a slot.
        facts: Its nameplate.
    """

    key: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What an OPC UA application instance certificate says of itself."""

    thumbprint_sha256: str
    subject: str
    application_uri: str
    not_before: str
    not_after: str
    key_bits: int
    signature_hash: str
    self_signed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedEndpoint:
    """One way in that an OPC UA server offers."""

    url: str
    policy: str
    mode: str
    user_tokens: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Posture:
    """What an endpoint says of its own security.

    Attributes:
        findings: Short names of what deserves attention, sorted: `anonymous-access`, `no-security`, ….
        others: Application URIs of other servers that a discovery server or gateway tells of.
    """

    application_name: str = ""
    application_uri: str = ""
    product_uri: str = ""
    offered: tuple[OfferedEndpoint, ...] = ()
    certificate: Certificate | None = None
    findings: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an OPC UA server says it is built to do. Read inside a session, so a visit without one says nothing of it.

    Attributes:
        namespaces: URIs of its namespaces, in the order of their indexes.
        profiles: URIs of the profiles that it claims to conform to.
        limits: Most nodes in one request, by the standard's name: `MaxNodesPerRead`, …; 0 and absent mean that it names none.
    """

    namespaces: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    limits: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What a look cost the device.

    Attributes:
        connections: TCP connections opened; 0 where a connection was shared with an earlier unit of the same visit.
        requests: Requests sent, by function code (`"43/14"`, `"3"`) or service (`"Read"`).
        sent_bytes: Bytes to the device, without TCP/IP headers.
        received_bytes: Bytes from the device, without TCP/IP headers.
        smallest_gap_ms: Shortest pause between an answer and the next request; None with fewer than two requests.
        duration_ms: From connect to close.
    """

    connections: int = 0
    requests: dict[str, int] = field(default_factory=dict)
    sent_bytes: int = 0
    received_bytes: int = 0
    smallest_gap_ms: float | None = None
    duration_ms: float = 0.0


CUT_SHORT = "the look was cut short"
"""Remark of a reader that identified a device and did not get to everything it would have asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One completed look at one endpoint.

    Attributes:
        outcome: How it ended.
        detail: One sentence for a person: what was seen, or why it failed and what to do.
        facts: The nameplate. Empty unless the outcome is `IDENTIFIED`; then at least one.
        components: Software on the device.
        children: Devices behind it.
        posture: What it says of its own security; OPC UA only.
        capabilities: What it says it is built to do; OPC UA only.
        remarks: Deviations from the standard, sorted.
        learned: For the next `Ask.learned`.
        ledger: What it cost.
    """

    outcome: Outcome
    detail: str
    facts: tuple[Fact, ...] = ()
    components: tuple[Component, ...] = ()
    children: tuple[Child, ...] = ()
    posture: Posture | None = None
    capabilities: Capabilities | None = None
    remarks: tuple[str, ...] = ()
    learned: tuple[str, ...] = ()
    ledger: Ledger = Ledger()


class Reader(Protocol):
    """Whoever can look at endpoints. One call is one visit: one connection, whatever the number of units behind it."""

    def visit(self, asks: Sequence[Ask]) -> AsyncGenerator[Answer, None]:
        """Look at each endpoint in turn over one connection and yield one answer for each, in order.

        All asks share transport, host and port. Never raises for anything a device or network does.

        Raises:
            ForbiddenRequestError: The read-only guard fired.
        """
        ...
