"""What a gateway says of itself outside the chain: whether it is connected, and how it is.

Decides the bodies of the streams `status` and `health`. Must never carry evidence: the newest of these counts, and older ones may be
lost. Importing this module costs no cryptography.
"""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from evidence.bounds import Id, Instant, Milliseconds, Text, Word
from evidence.claims import ClockState, Count


class Delivery(StrEnum):
    """What makes the gateway let go of a record."""

    CONFIRMED = "confirmed"  # the receiver's signed receipt
    UNCONFIRMED = "unconfirmed"  # the broker's acknowledgement, which is not delivery


class SpoolDepth(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the gateway holds and has no receipt for.

    Attributes:
        count: Envelopes.
        bytes: Bytes of the file in use.
        oldest_at: When the one that has waited longest was signed; None: nothing waits.
    """

    count: Count
    bytes: Count
    oldest_at: Instant | None


class EndpointHealth(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How one endpoint answers.

    Attributes:
        asset_id: The asset behind it.
        outcome: How the last look ended.
        last_asked_at: When that was.
        last_seen_at: When it last told who it is, or None.
        latency_ms: How long the last visit took.
        failures: Failed looks in a row.
        wait_s: How long it is left alone after the last look: the normal interval, or its back-off.
        quarantined: Whether it is left alone because it did not want to be asked.
    """

    asset_id: Id
    outcome: Word
    last_asked_at: Instant
    last_seen_at: Instant | None
    latency_ms: Milliseconds
    failures: Count
    wait_s: Annotated[float, Meta(ge=0)]
    quarantined: bool


class Found(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a role found out about its own surroundings.

    Attributes:
        name: What was looked at: `networks` (does the kernel refuse a forbidden connection?), `memory-limit`, `clock`, `volume`,
            `units` (the address lists); of publish also `report-key`, `broker-key`, `broker-login`, `broker-ca`, `broker-certificate`.
        state: `ok`, `unknown`, `warn` or `bad`.
        detail: What was seen.
        remedy: What to do about it, or empty.
    """

    name: Word
    state: Word
    detail: Text
    remedy: Text = ""


class RoleHealth(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How one role is as a process.

    Attributes:
        role: `collect` or `publish`.
        at: When this was so.
        written_bytes: Bytes that it had written to disks by then, since it started.
        rss_bytes: Memory that it took.
        guard_fired_at: When its read-only guard last refused a request, or None if it never did.
        held: Records that wait in its memory, because its journal cannot be written.
        given_up: Records that were lost since it started, because there was no room for them.
        trouble: What a person should mend there: a plant file that was refused, a setting that waits for a restart, a journal that
            cannot be read, a role that has ended or left no sign of life. Or empty.
        found: What it found out about its surroundings.
    """

    role: Word
    at: Instant
    written_bytes: Count
    rss_bytes: Count
    guard_fired_at: Instant | None = None
    held: Count = 0
    given_up: Count = 0
    trouble: Text = ""
    found: Annotated[list[Found], Meta(max_length=16)] = []


class Health(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`health/1`: how the gateway itself is.

    Attributes:
        at: When.
        agent_version: Version of the agent.
        uptime_s: Seconds since the role started.
        spool: What waits for a receipt.
        assets_by_outcome: How many assets ended their last look how.
        host: Figures of the machine, each named with its unit; one that cannot be read is not there.
        sess: Number of the broker session it was sent in.
        clock: How far `at` may be believed.
        endpoints: Those that need a look first: quarantined, failing, then the rest, as far as there is room.
        roles: How each role is as a process, as far as it has said so.
    """

    at: Instant
    agent_version: Word
    uptime_s: Count
    spool: SpoolDepth
    assets_by_outcome: Annotated[dict[Word, Count], Meta(max_length=32)]
    host: Annotated[dict[Word, float], Meta(max_length=64)]
    sess: Count
    clock: ClockState = ClockState.UNSYNC
    endpoints: Annotated[list[EndpointHealth], Meta(max_length=256)] = []
    roles: Annotated[list[RoleHealth], Meta(max_length=2)] = []


class StatusOnline(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`status.online/1`: the gateway is connected.

    Attributes:
        sess: Number of the broker session: it grows with every connection.
        at: When.
        agent_version: Version of the agent.
        delivery: What makes the gateway let go of a record.
    """

    sess: Count
    at: Instant
    agent_version: Word
    delivery: Delivery


class StatusOffline(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`status.offline/1`: the gateway's will, signed when it connected; it counts for that session alone.

    Attributes:
        sess: Number of that session.
    """

    sess: Count
