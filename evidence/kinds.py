"""What a report can be about: one frozen structure for each kind, with bounds on everything.

Decides which bodies exist and how large their parts may be. A kind is never changed once it is out; a new version gets a new
name (`asset/2`). Must never interpret a value: text from a device stays text. Importing this module costs no cryptography.

    evidence    chain.start/1  asset/1  change/1  inventory/1  ledger/1  gap/1  silence/1  key.rotate/1  event/1
    health      health/1
    status      status.online/1  status.offline/1
"""

from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from evidence.bounds import MAX_ASSETS, Id, Instant, Milliseconds, Requests, Text, Word
from evidence.claims import Claims, ClockState, Count, Epoch, Hash
from evidence.errors import MalformedEnvelopeError
from evidence.looks import Asset, Change, ChangeKind, Child, Component, Nameplate, NameplateField, VisitLedger
from evidence.presence import Delivery, EndpointHealth, Found, Health, RoleHealth, SpoolDepth, StatusOffline, StatusOnline

__all__ = [
    "KINDS", "MAX_ASSETS", "Asset", "Body", "ChainStart", "Change", "ChangeKind", "Child", "Component", "Delivery",
    "EndpointHealth", "Event", "Found", "Gap", "GapReason", "Health", "Inventory", "InventoryLine", "KeyRotate", "Ledger",
    "LedgerLine", "Nameplate", "NameplateField", "PreviousChain", "RoleHealth", "Silence", "SilenceReason", "SpoolDepth",
    "StartReason", "StatusOffline", "StatusOnline", "VisitLedger", "decode_body", "encode_body", "type_name",
]  # fmt: skip


class GapReason(StrEnum):
    """Why records of a chain were dropped."""

    BUFFER_FULL = "buffer-full"  # the oldest bodies made room
    QUARANTINE = "quarantine"  # the broker refused them for ever
    BITROT = "bitrot"  # they no longer matched their own hash
    OPERATOR = "operator"  # somebody decided it
    DAMAGED = "damaged"  # the file they were in
    DELIVERED = "delivered"  # the receiver had signed for them, asked for them again, and they were let go of


class SilenceReason(StrEnum):
    """Why nobody was looking, or why it does not count."""

    POWER_OFF = "power-off"  # the gateway was off, or started anew
    STOPPED = "stopped"  # the gateway ran, its collecting role did not
    CLOCK = "clock"  # it looked, but the times of these records are wrong
    DEVICE = "device"  # the device told nothing: silent, unreachable, refused
    LOST = "lost"  # it looked, and what it wrote down is gone


class StartReason(StrEnum):
    """Why a chain began."""

    FIRST_BOOT = "first-boot"
    DAMAGED = "damaged"  # the outbox
    RESTORE = "restore"  # the outbox went back in time
    ROTATE = "rotate"
    OPERATOR = "operator"


class InventoryLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One asset in an inventory.

    Attributes:
        asset_id: The plant's own name for it.
        address: Where it is looked at.
        last_seen_at: When it last told who it is; None: never.
        last_asked_at: When it was last looked at; None: never.
        outcome: How the last look ended.
        firmware_version: What it last said, or empty.
    """

    asset_id: Id
    address: Text
    last_seen_at: Instant | None
    last_asked_at: Instant | None
    outcome: Word
    firmware_version: Text


class Inventory(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`inventory/1`: every asset that the gateway is responsible for, seen or not. A large one comes in parts, counted from 1.

    Attributes:
        at: When it was drawn up.
        part: Which part this is.
        parts: How many there are.
        assets: The assets.
    """

    at: Instant
    part: Count = 1
    parts: Count = 1
    assets: Annotated[list[InventoryLine], Meta(max_length=MAX_ASSETS)]


class LedgerLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What all visits to one asset cost it. Bytes are without TCP/IP headers.

    Attributes:
        asset_id: The plant's own name for it.
        address: Where it was visited.
        visits: How many there were.
        connections: How many were opened.
        requests: How many of each function code (`43/14`) or service (`Read`).
        sent_bytes: Bytes to the device.
        received_bytes: Bytes from the device.
        smallest_gap_ms: Shortest pause before a request, milliseconds; None: there was but one.
    """

    asset_id: Id
    address: Text
    visits: Count
    connections: Count
    requests: Requests
    sent_bytes: Count
    received_bytes: Count
    smallest_gap_ms: Milliseconds | None


class Ledger(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`ledger/1`: the plant's proof of what the gateway did to each device in a span of time; in parts, counted from 1.

    Attributes:
        since: Begin of the span.
        until: Its end.
        part: Which part this is.
        parts: How many there are.
        assets: What each asset was asked.
    """

    since: Instant
    until: Instant
    part: Count = 1
    parts: Count = 1
    assets: Annotated[list[LedgerLine], Meta(max_length=MAX_ASSETS)]


class Gap(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`gap/1`: records that were signed and then dropped; `last_hash` ties the chain together again.

    Attributes:
        from_seq: First dropped record.
        to_seq: Last dropped record.
        count: How many, `to_seq - from_seq + 1`.
        reason: Why.
        last_hash: Hash of record `to_seq`, which is the `prev` of the record after it.
    """

    from_seq: Count
    to_seq: Count
    count: Count
    reason: GapReason
    last_hash: Hash


class Silence(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`silence/1`: a span in which the gateway was not looking, so that silence is never mistaken for health.

    Attributes:
        asset_id: Which asset, or None for the whole plant.
        since: The last sign of life before; never too late, too early by the pause between two of them.
        until: When somebody looked again.
        lasted_s: How long it surely lasted; less than `until - since` where the clocks of both ends cannot be compared.
        clock: How far both times may be believed.
        reason: Why.
        records: How many records are gone; 0: none, or nobody knows.
        detail: One sentence for a person.
    """

    asset_id: Id | None
    since: Instant
    until: Instant
    lasted_s: Annotated[float, Meta(ge=0)]
    clock: ClockState
    reason: SilenceReason
    records: Count
    detail: Text


class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`event/1`: something worth proving that happened to the gateway itself.

    Attributes:
        name: What happened, as a fixed word: `journal.replaced`.
        at: When.
        subject: What it is about.
        detail: One sentence for a person.
    """

    name: Word
    at: Instant
    subject: Text
    detail: Text


class PreviousChain(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the chain before this one ended, as far as the gateway knows.

    Attributes:
        epoch: Which chain.
        seq: Its last record.
        head: Hash of that record.
    """

    epoch: Epoch
    seq: Count
    head: Hash


class ChainStart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`chain.start/1`: record 0 of every epoch, and the only way to begin one.

    Attributes:
        reason: Why a chain begins here.
        plant: Id of the plant.
        gateway: Id of the gateway.
        agent_version: Version of the agent.
        previous: End of the chain before; None: there was none, or it is not known any more.
        at: When.
    """

    reason: StartReason
    plant: Word
    gateway: Word
    agent_version: Word
    previous: PreviousChain | None
    at: Instant


class KeyRotate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`key.rotate/1`: the old key names the new one; `proof` shows that the new key was there.

    Attributes:
        new_jwk: The public key that signs from the next record on: members `kty`, `crv`, `x`, `kid`.
        proof: The new key's signature over the text under *Rotation* in docs/report-format.md, base64url.
    """

    new_jwk: Annotated[dict[Word, Word], Meta(max_length=4)]
    proof: Annotated[str, Meta(max_length=128)]


Body = (
    Asset | Change | Inventory | Ledger | Gap | Silence | Event | ChainStart | KeyRotate | Health | StatusOnline | StatusOffline
)

KINDS: Final[dict[str, type[Body]]] = {
    "asset/1": Asset,
    "change/1": Change,
    "inventory/1": Inventory,
    "ledger/1": Ledger,
    "gap/1": Gap,
    "silence/1": Silence,
    "event/1": Event,
    "chain.start/1": ChainStart,
    "key.rotate/1": KeyRotate,
    "health/1": Health,
    "status.online/1": StatusOnline,
    "status.offline/1": StatusOffline,
}
_NAMES: Final = {kind: name for name, kind in KINDS.items()}


def type_name(body: Body) -> str:
    """Return the name of a body's kind, as `Claims.type` has it.

    >>> type_name(StatusOffline(sess=7))
    'status.offline/1'
    """
    return _NAMES[type(body)]


def encode_body(body: Body) -> tuple[str, msgspec.Raw]:
    """Return the name of a body's kind and its exact bytes, ready for `Claims.type` and `Claims.body`.

    Raises:
        MalformedEnvelopeError: The body breaks the bounds of its kind: nothing is signed that a receiver would refuse.
    """
    name = type_name(body)
    try:
        encoded = msgspec.json.encode(body)
    except (msgspec.MsgspecError, RecursionError, ValueError, OverflowError) as problem:
        raise MalformedEnvelopeError(f"not a {name}: {problem}") from None
    _decode(name, encoded)
    return name, msgspec.Raw(encoded)


def decode_body(claims: Claims) -> Body:
    """Return the body of an opened report.

    Raises:
        MalformedEnvelopeError: The kind is not known here, or the body breaks its form or bounds.
    """
    return _decode(claims.type, bytes(claims.body))


def _decode(name: str, encoded: bytes) -> Body:
    kind = KINDS.get(name)
    if kind is None:
        raise MalformedEnvelopeError(f"no such kind of report: {name}")
    try:
        return msgspec.json.decode(encoded, type=kind)
    except (msgspec.MsgspecError, RecursionError) as problem:
        raise MalformedEnvelopeError(f"not a {name}: {problem}") from None
