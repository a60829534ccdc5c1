"""The plant file as data: every key with its unit, range, default and the reason for it.

The one source of what a plant file may say: `config.parse` walks these structures, so a key that is not here is refused and
a range that is not here is not checked. Decides nothing, reads nothing; what is valid only together is in `config.rules`.
"""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct, field

from config.address import Address, BrokerAddress

_MIB = 1024 * 1024

# \A and \Z, because $ also matches before a newline at the end.
_CLEAN = r"\A[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*\Z"  # no control characters, none that turn the direction of writing

Id = Annotated[str, Meta(pattern=r"\A[a-z0-9-]{1,32}\Z", description="1 to 32 of a-z, 0-9 and '-'")]
"""Part of an MQTT topic and of every report: never changes once reports are out."""

AssetId = Annotated[str, Meta(pattern=r"\A[a-z0-9._-]{1,64}\Z", description="1 to 64 of a-z, 0-9, '.', '_' and '-'")]
ProfileId = Annotated[str, Meta(pattern=r"\A[a-z0-9._-]{0,64}\Z", description="the name of a register profile, such as wago-750")]
TopicPrefix = Annotated[
    str,
    Meta(
        pattern=r"\A(?:[A-Za-z0-9._-]{1,64}(?:/[A-Za-z0-9._-]{1,64}){0,7})?\Z",
        description="up to 8 levels of letters, digits, '.', '_' and '-', without a slash at either end",
    ),
]
Text = Annotated[str, Meta(pattern=_CLEAN, max_length=256, description="at most 256 characters on one line")]
RegisterId = Annotated[str, Meta(pattern=_CLEAN, min_length=1, max_length=64, description="1 to 64 characters, or leave it out")]
Url = Annotated[str, Meta(description="an address such as mqtts://isms.example:8883")]
_DAY = "(?:mon|tue|wed|thu|fri|sat|sun)"
Days = Annotated[
    str,
    Meta(pattern=rf"\A{_DAY}(?:-{_DAY})?(?:, ?{_DAY}(?:-{_DAY})?){{0,6}}\Z", description='days such as "mon-fri" or "sat, sun"'),
]
TimeOfDay = Annotated[str, Meta(pattern=r"\A(?:[01][0-9]|2[0-3]):[0-5][0-9]\Z", description='a time of day such as "06:00"')]
TimeZone = Annotated[
    str,
    Meta(pattern=r"\A[A-Za-z0-9_+-]{1,32}(?:/[A-Za-z0-9_+-]{1,32}){0,2}\Z", description='a time zone such as "Europe/Berlin"'),
]
Switch = Annotated[bool, Meta(description="true or false")]
Security = Annotated[str, Meta(pattern=r"\A(?:none|sign|sign-and-encrypt)\Z", description='"none", "sign" or "sign-and-encrypt"')]

Interval = Annotated[int, Meta(ge=1, le=30 * 86_400, description="a whole number of seconds, 1 to 2592000")]
Timeout = Annotated[float, Meta(ge=0.1, le=60, description="seconds, 0.1 to 60")]
VisitTime = Annotated[float, Meta(ge=1, le=300, description="seconds, 1 to 300")]
Gap = Annotated[int, Meta(ge=0, le=60_000, description="a whole number of milliseconds, 0 to 60000")]
Requests = Annotated[int, Meta(ge=1, le=100, description="1 to 100")]
OpcUaRequests = Annotated[int, Meta(ge=4, le=400, description="4 to 400")]
Backoff = Annotated[int, Meta(ge=1, le=30 * 86_400, description="a whole number of seconds, 1 to 2592000")]
JournalSize = Annotated[int, Meta(ge=256 * 1024, le=4096 * _MIB, description="bytes, 262144 (256 KiB) to 4294967296 (4 GiB)")]
OutboxSize = Annotated[int, Meta(ge=256 * 1024, le=65_536 * _MIB, description="bytes, 262144 (256 KiB) to 68719476736 (64 GiB)")]


class PlantSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[plant]`: one site.

    Attributes:
        id: Name of the site in topics and reports.
        name: The same for people. Default: empty.
    """

    id: Id
    name: Text = ""


class GatewaySection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[gateway]`: the machine that this runs on.

    Attributes:
        id: Name of the gateway in topics and reports.
        state_dir: Where journal, outbox and key live. Default: what systemd makes for the two units.
    """

    id: Id
    state_dir: Path = Path("/var/lib/nameplated")


class BrokerSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[broker]`: where reports go. Secrets are files, never values.

    Attributes:
        url: `mqtts://HOST[:8883]`; `mqtt://HOST[:1883]` sends in clear.
        ca_file: PEM certificates that may vouch for the broker. Default: those of the system.
        certificate_file: PEM certificate of this gateway, together with `key_file`. Default: none is shown.
        key_file: PEM key of that certificate. It is not the key that signs reports.
        username_file: A file with one line, `user:password`. Default: none.
        topic_prefix: Levels in front of `nameplated/v1/…`, for a shared broker. Default: empty.
    """

    url: Url
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    username_file: Path | None = None
    topic_prefix: TopicPrefix = ""

    @property
    def address(self) -> BrokerAddress:
        """The URL in its parts. Safe after `config.parse`, which has refused every URL that has none."""
        return BrokerAddress.parse(self.url)


class ReceiverSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[receiver]`: the only one whose receipts and requests count. Without it nobody confirms that reports arrived.

    Attributes:
        key_file: Public key of the receiver, a JWK. Compare its thumbprint by another way than the network.
        id: Name of the receiver; every report is addressed to it. Default: "central".
    """

    key_file: Path
    id: Id = "central"


class SigningSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[signing]`: the key that signs reports.

    Attributes:
        key_file: Private key. Default: the credential `report.key` that systemd gives to the service; without one,
            `publish/report.key` under the state directory.
    """

    key_file: Path | None = None


class MaintenanceSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[collect.maintenance]]`: a stretch of the week in which nothing is asked. Needs a clock that a time server vouches for.

    Attributes:
        days: Days on which it begins.
        from_: Local time at which it begins.
        to: Local time at which it ends; not after `from`: on the next day.
        timezone: Whose local time.
    """

    days: Days
    from_: TimeOfDay = field(name="from")
    to: TimeOfDay
    timezone: TimeZone


class CollectSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[collect]`: what a look may cost a device. Reasons and refusals: docs/decisions/0008-politeness.md.

    There is no number of retries: a device that does not answer is left alone until its back-off is over.

    Attributes:
        identity_interval_s: Between two looks at one asset, seconds. Default: 21600 (6 h); below 3600 for tests only.
        connect_timeout_s: Time for a connection to stand. Default: 3.
        response_timeout_s: Time for one answer. Default: 3.
        serial_response_timeout_s: The same on a serial line, and behind a gateway that has its own time-out. Default: 6.
        gap_ms: Least pause between an answer and the next request. Default: 250.
        max_requests: Modbus requests to one endpoint in one visit. Default: 6, what the worst honest device needs.
        max_opcua_requests: OPC UA service requests in one visit. Default: 40.
        visit_s: Wall time for one endpoint in one visit. Default: 20.
        backoff_first_s: How long an endpoint is left alone after it failed once. Default: 900 (15 min); doubles with each failure.
        backoff_longest_s: The longest that this grows to. Default: 86400 (24 h).
        maintenance: When nothing is asked, `[[collect.maintenance]]`. Default: never.
    """

    identity_interval_s: Interval = 21_600
    connect_timeout_s: Timeout = 3.0
    response_timeout_s: Timeout = 3.0
    serial_response_timeout_s: Timeout = 6.0
    gap_ms: Gap = 250
    max_requests: Requests = 6
    max_opcua_requests: OpcUaRequests = 40
    visit_s: VisitTime = 20.0
    backoff_first_s: Backoff = 900
    backoff_longest_s: Backoff = 86_400
    maintenance: tuple[MaintenanceSection, ...] = ()


class SpoolSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[spool]`: how much disk the two files may take, so that our own limit comes before a full disk.

    Attributes:
        journal_max_bytes: Size of `journal.db`. Default: 64 MiB.
        outbox_max_bytes: Size of `outbox.db`; its write-ahead log comes on top. Default: 256 MiB, a long outage of the broker.
    """

    journal_max_bytes: JournalSize = 64 * _MIB
    outbox_max_bytes: OutboxSize = 256 * _MIB


class Asset(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[asset]]`: one device, as the plant knows it.

    Attributes:
        id: The plant's own name for it; survives a change of address.
        address: Where it is asked, such as "modbus-tcp://10.20.0.7:502?unit=1".
        profile: Register profile to read it with; Modbus only. Default: empty, the protocol's own identification.
        accept_risk: The side effects that its register profile warns of are accepted. Default: false.
        role: What it is for: "plc", "drive", "meter". Default: empty.
        criticality: In the words of the plant's own scale. Default: empty.
        location: Where it stands. Default: empty.
        register_id: Its number in the ISMS. Default: None, not yet recorded there.
        security: How an OPC UA session is protected; OPC UA only. Default: "none".
        deprecated_policies: Policies that rest on SHA-1 will do where the server has no better one; reported. Default: false.
        username_file: A file with one line, `user:password`, to log in with; needs security. Default: none, log in as nobody.
        user_certificate_file: Certificate of a user to log in as, together with `user_key_file`; needs security. Default: none.
        user_key_file: PEM key of that certificate.
        description: Anything else worth saying. Default: empty.
    """

    id: AssetId
    address: Address
    profile: ProfileId = ""
    accept_risk: Switch = False
    role: Text = ""
    criticality: Text = ""
    location: Text = ""
    register_id: RegisterId | None = None
    security: Security = "none"
    deprecated_policies: Switch = False
    username_file: Path | None = None
    user_certificate_file: Path | None = None
    user_key_file: Path | None = None
    description: Text = ""


class Plant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One plant file.

    Attributes:
        plant: The site.
        gateway: This machine.
        broker: Where reports go.
        receiver: Who confirms them, or None: then a broker's acknowledgement has to do, and status says so.
        signing: The report key.
        collect: Politeness.
        spool: Disk.
        asset: The devices, in the order of the file.
    """

    plant: PlantSection
    gateway: GatewaySection
    broker: BrokerSection
    receiver: ReceiverSection | None = None
    signing: SigningSection = SigningSection()
    collect: CollectSection = CollectSection()
    spool: SpoolSection = SpoolSection()
    asset: tuple[Asset, ...] = ()

    @property
    def report_key_file(self) -> Path:
        """The private key that signs reports, where it is a file: as configured, or where `key init` puts it."""
        return self.signing.key_file or self.gateway.state_dir / "publish" / "report.key"
