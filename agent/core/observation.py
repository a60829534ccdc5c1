"""One completed look at one asset, as it is written down: nameplate with evidence, or why there is none.

Decides the form of what collect writes into the journal and publish reads back. To publish the journal is hostile input, so
decoding is strict and bounded. Never knows a protocol, a file or a key.
"""

from typing import Annotated, Any

import msgspec

from agent.core.moment import ClockState, Moment

MAX_BODY_BYTES = 98_304
"""An observation as it is written down. Sixty-four devices behind one server, each with a full nameplate, fit; what a spool
record and an envelope may hold is larger, so an observation of this size is never in the way."""

Text = Annotated[str, msgspec.Meta(max_length=1024)]
Name = Annotated[str, msgspec.Meta(max_length=128)]

IDENTIFIED = "identified"
"""The one outcome that brings a nameplate."""

CUT_SHORT = "the look was cut short"
"""The readers' remark for it (`protocols.contract.CUT_SHORT`): a field that is missing then is not missing from the device."""

GONE = frozenset({"unreachable", "silent"})
"""Outcomes after which nobody can say that the device is still there."""


class FieldValue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One field of a nameplate with its evidence: which request produced it, from which bytes, read by which profile."""

    value: Text
    source: Text
    raw: Annotated[str, msgspec.Meta(max_length=2048)]
    profile: Name = ""
    confidence: Name = "high"


Nameplate = Annotated[dict[Name, FieldValue], msgspec.Meta(max_length=32)]


class Component(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Software that runs on the device without being its firmware."""

    name: Text
    version: Text = ""
    manufacturer: Text = ""
    source: Text = ""


class Child(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device that is only seen through this one."""

    key: Text
    nameplate: Nameplate


class VisitLedger(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one look cost the device; see `protocols.contract.Ledger` for the units."""

    connections: int = 0
    requests: Annotated[dict[Name, int], msgspec.Meta(max_length=32)] = {}
    sent_bytes: int = 0
    received_bytes: int = 0
    smallest_gap_ms: float | None = None
    duration_ms: float = 0.0


class Register(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the plant file says of an asset and no device can tell."""

    role: Text = ""
    criticality: Text = ""
    location: Text = ""
    register_id: Text | None = None


class Observation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One completed look at one asset.

    Attributes:
        asset_id: The plant's own name of the asset.
        address: Where it was looked for.
        register: What the plant file says of it.
        observed_at: Wall clock at the end of the look, RFC 3339.
        moment: All clocks at that moment.
        outcome: How the look ended; the words of `protocols.contract.Outcome`.
        detail: One sentence for a person.
        nameplate: Field name to value with evidence; empty unless the outcome is `identified`.
        posture: What the endpoint says of its own security, in the form of `protocols.contract.Posture`.
        capabilities: What the endpoint says it can do: namespaces, profiles, limits.
        remarks: Deviations from the standard.
        ledger: What the look cost the device.
    """

    asset_id: Name
    address: Text
    register: Register = Register()
    observed_at: Name
    moment: Moment
    outcome: Name
    detail: Text = ""
    nameplate: Nameplate = {}
    software_components: Annotated[list[Component], msgspec.Meta(max_length=64)] = []
    children: Annotated[list[Child], msgspec.Meta(max_length=64)] = []
    posture: dict[str, Any] | None = None
    capabilities: dict[str, Any] | None = None
    remarks: Annotated[list[Text], msgspec.Meta(max_length=64)] = []
    ledger: VisitLedger = VisitLedger()

    @property
    def cut_short(self) -> bool:
        """Whether there was more to ask."""
        return CUT_SHORT in self.remarks

    @property
    def identified(self) -> bool:
        """Whether this look brought a nameplate."""
        return self.outcome == IDENTIFIED


class Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that happened to the gateway itself and that evidence should know: a start, a replaced file."""

    name: Name
    at: Name
    moment: Moment
    subject: Text = ""
    detail: Text = ""


def same_content(one: Observation, other: Observation) -> bool:
    """Tell whether two looks saw the same: everything but when it was, what it cost, and how it was told."""
    return _content(one) == _content(other)


def bounded(look: Observation) -> Observation:
    """Return a look that fits a record: what is behind the device goes first, and a remark says so."""
    if len(msgspec.json.encode(look)) <= MAX_BODY_BYTES:
        return look
    remark = f"more than {MAX_BODY_BYTES} bytes were told: devices behind it and its posture were left out"
    return msgspec.structs.replace(look, children=[], posture=None, capabilities=None, software_components=[], remarks=[remark])


def _content(observation: Observation) -> Observation:
    """Blank what differs between two equal looks."""
    return msgspec.structs.replace(observation, observed_at="", moment=_NEVER, detail="", ledger=VisitLedger())


_NEVER = Moment(at_s=0.0, up_s=0.0, boot="", clock=ClockState.UNSYNC)
