"""What was seen at the devices: one look at one asset, and a difference between two looks.

Decides the bodies of `asset/1` and `change/1`. Must never interpret a value: text from a device stays text. Importing this module costs
no cryptography.
"""

from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from evidence.bounds import MAX_NESTING, Hex, Id, Instant, Milliseconds, Requests, Text, Word, is_plain
from evidence.claims import ClockState, Count


class ChangeKind(StrEnum):
    """What happened to an asset between two observations."""

    FIRST_SEEN = "first-seen"  # it told for the first time who it is
    CHANGED = "changed"  # one field of the nameplate
    REPLACED = "replaced"  # another device answers in its place
    LOST = "lost"  # it does not answer any more
    RETURNED = "returned"  # it answers again
    POSTURE_CHANGED = "posture-changed"  # what its endpoint says of its own security


class NameplateField(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One value of a nameplate and the evidence for it.

    Attributes:
        value: Cleaned text.
        source: The request, and the place in its answer: `43/14 object 0x00`.
        raw: The bytes it was made from.
        profile: `id@version` of the register profile that interpreted them, or empty.
        confidence: `high`, `medium` or `low`.
    """

    value: Text
    source: Text
    raw: Hex
    profile: Word = ""
    confidence: Word = "high"


Nameplate = Annotated[dict[Word, NameplateField], Meta(max_length=64)]
"""Field names of IDTA 02006-3 in snake_case."""


class Component(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Software that runs on a device without being its firmware.

    Attributes:
        name: Its name.
        version: Its version.
        manufacturer: Who made it.
        source: The request, and the place in its answer.
    """

    name: Text
    version: Text
    manufacturer: Text
    source: Text


class Child(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A device that is only seen through another one.

    Attributes:
        key: Its stable name below its parent.
        nameplate: What it says of itself.
    """

    key: Text
    nameplate: Nameplate


class VisitLedger(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one visit cost the device. Bytes are without TCP/IP headers.

    Attributes:
        connections: How many were opened.
        requests: How many of each function code (`43/14`) or service (`Read`).
        sent_bytes: Bytes to the device.
        received_bytes: Bytes from the device.
        smallest_gap_ms: Shortest pause before a request, milliseconds; None: there was but one.
        duration_ms: From connect to close, milliseconds.
    """

    connections: Count
    requests: Requests
    sent_bytes: Count
    received_bytes: Count
    smallest_gap_ms: Milliseconds | None
    duration_ms: Milliseconds


class Asset(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`asset/1`: what one look at one asset saw, or why it saw nothing.

    Attributes:
        asset_id: The plant's own name for it.
        address: Where it was looked at.
        role: From the plant file.
        criticality: From the plant file.
        location: From the plant file.
        register_id: Its number in the ISMS; None: not yet recorded there.
        observed_at: When.
        clock: How far `observed_at` may be believed; the claims' own clock state is that of the signing.
        outcome: How the look ended: `identified`, `silent`, ….
        detail: One sentence for a person.
        nameplate: What it said of itself.
        software_components: Software on it.
        children: Devices behind it.
        posture: What its endpoint says of its own security.
        capabilities: What its endpoint says it can do: namespaces, profiles, limits.
        remarks: Deviations from the standard.
        ledger: What the visit cost it.

    Posture and capabilities have no form of their own: they are nested 32 levels at the most, and hold no whole number beyond
    2^53 - 1, so that no reader reads what another one cannot.
    """

    asset_id: Id
    address: Text
    role: Text = ""
    criticality: Text = ""
    location: Text = ""
    register_id: Id | None
    observed_at: Instant
    clock: ClockState = ClockState.UNSYNC
    outcome: Word
    detail: Text
    nameplate: Nameplate
    software_components: Annotated[list[Component], Meta(max_length=256)]
    children: Annotated[list[Child], Meta(max_length=512)]
    posture: dict[str, Any] | None
    capabilities: dict[str, Any] | None = None
    remarks: Annotated[list[Text], Meta(max_length=64)]
    ledger: VisitLedger

    def __post_init__(self) -> None:
        """Refuse a posture or capabilities that not every reader reads alike."""
        if not (is_plain(self.posture) and is_plain(self.capabilities)):
            raise ValueError(f"posture or capabilities are nested deeper than {MAX_NESTING} levels, or hold too large a number")


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`change/1`: a difference between two observations of one asset.

    Attributes:
        asset_id: Which asset.
        observed_at: When it was seen.
        clock: How far `observed_at` may be believed.
        change: What happened.
        field: The nameplate field it is about, or empty.
        before: Its value before, or empty.
        after: Its value now, or empty.
        basis: On what the decision rests that this is, or is not, the same device.
    """

    asset_id: Id
    observed_at: Instant
    clock: ClockState = ClockState.UNSYNC
    change: ChangeKind
    field: Text
    before: Text
    after: Text
    basis: Text
