"""What collect's states say of the plant, in the forms in which reports say it. Pure; runs where the journal is read.

Decides which states are believed, and how much is kept of them. Each line is brought to its report's own type by itself: one that no
report may say is left out and counted, and takes no other with it. Never keeps a state once its lines are drawn: decoded, a state
takes many times its bytes. Never raises for what a state holds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, TypeVar

import msgspec

from agent.core.decoding import UnreadableError, decoded
from agent.core.ledger import Totals
from agent.core.schedule import QUARANTINE_AFTER
from agent.core.vitals import VITALS, Vitals
from buffer.record import LeftOut, State
from evidence import kinds
from evidence.bounds import Instant
from evidence.claims import Count

MOST_KEPT_BYTES: Final = 16_777_216
"""What the lines of all assets may take in memory, by and large. Of an asset they take 1.8 KB, 2.3 where names are long: 7,000 to
9,500 assets, and far below what the unit may use, because to sign a manifest takes as much again."""

REQUEST_BYTES: Final = 64
LINE_BYTES: Final = 300
"""What a request's name and count, and a line, take in memory beside their text."""

MOST_OUTCOMES: Final = 32
"""Different outcomes in one report. The program knows fewer than ten."""

OTHER: Final = "other"
"""What outcomes beyond `MOST_OUTCOMES` are counted as."""

MOST_ENDPOINTS: Final = 256

MOST_ENDPOINT_BYTES: Final = 81_920
"""Of all lines of endpoints in one report: with everything else that a report of health may hold, an envelope takes it. A line of ours
takes 230 bytes."""

_T = TypeVar("_T")


class Ledger(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one asset was asked, and since when that is counted."""

    since: Instant
    line: kinds.LedgerLine


class _Value(msgspec.Struct, frozen=True):
    value: str


class _Plate(msgspec.Struct, frozen=True):
    firmware_version: _Value = _Value("")


class _Known(msgspec.Struct, frozen=True):
    nameplate: _Plate


class _Cost(msgspec.Struct, frozen=True):
    duration_ms: float = 0.0


class _Look(msgspec.Struct, frozen=True):
    address: str
    outcome: str
    ledger: _Cost = _Cost()


class _Asset(msgspec.Struct, frozen=True):
    """What reports say of an `agent.core.asset.AssetState`. All else is passed over, and costs no memory however much there is."""

    observation: _Look
    known: _Known | None
    last_asked_at: str
    last_seen_at: str | None
    ledger: Totals


class _Turn(msgspec.Struct, frozen=True):
    """The same of an `agent.core.schedule.Turn`."""

    wait_s: float
    failures: int = 0
    harm_signs: int = 0


class _Wait(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a report says of an endpoint's turn."""

    failures: Count
    wait_s: Annotated[float, msgspec.Meta(ge=0)]
    quarantined: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What the states said.

    Attributes:
        inventory: A line for each asset, by name.
        ledger: What each asset was asked, by name.
        outcomes: How many assets ended their last look how.
        endpoints: How each endpoint answers: the quarantined first, then those that fail, then the rest by name.
        collect: How collect is, or None if it has not said so.
        unreadable: How many states and lines were left out, because no report may say what they say.
        example: The first of them, and why; or empty.
        left_out: Why states were not even looked at, or empty.
    """

    inventory: Mapping[str, kinds.InventoryLine]
    ledger: Mapping[str, Ledger]
    outcomes: Mapping[str, int]
    endpoints: list[kinds.EndpointHealth]
    collect: Vitals | None
    unreadable: int = 0
    example: str = ""
    left_out: str = ""


def survey(states: Iterable[State | LeftOut]) -> Survey:
    """Draw from the states what reports say, one state at a time.

    Args:
        states: The newest of each kind and subject; of two for one subject the later one holds.
    """
    found = _Found()
    for state in states:
        found.take(state)
        if found.kept_bytes > MOST_KEPT_BYTES:
            found.left_out = f"the assets in the journal take more than {MOST_KEPT_BYTES} bytes: the rest was not looked at"
            break
    return found.survey()


@dataclass(slots=True)
class _Found:
    """What was drawn so far."""

    inventory: dict[str, kinds.InventoryLine] = field(default_factory=dict)
    ledger: dict[str, Ledger] = field(default_factory=dict)
    endpoints: dict[str, kinds.EndpointHealth] = field(default_factory=dict)
    waits: dict[str, _Wait] = field(default_factory=dict)
    collect: Vitals | None = None
    kept_bytes: int = 0
    unreadable: int = 0
    example: str = ""
    left_out: str = ""

    def take(self, state: State | LeftOut) -> None:
        """Keep what a report says of one state."""
        match state:
            case LeftOut(reason=reason):
                self.left_out = reason
            case State(kind="asset", subject=name, body=body):
                asset = self._read(name, body, _Asset)
                if asset is not None:
                    self._keep(name, asset)
            case State(kind="endpoint", subject=name, body=body):
                turn = self._read(name, body, _Turn)
                if turn is not None:
                    told = {"failures": turn.failures, "wait_s": turn.wait_s, "quarantined": turn.harm_signs >= QUARANTINE_AFTER}
                    self._put(self.waits, name, told, _Wait)
            case State(kind="gateway", subject=name, body=body) if name == VITALS:
                self.collect = self._read(name, body, Vitals)

    def survey(self) -> Survey:
        """Return all of it, as far as there is room in a report."""
        return Survey(
            inventory=self.inventory,
            ledger=self.ledger,
            outcomes=_counted(line.outcome for line in self.inventory.values()),
            endpoints=_first(self.endpoints, self.waits),
            collect=self.collect,
            unreadable=self.unreadable,
            example=self.example,
            left_out=self.left_out,
        )

    def _keep(self, name: str, asset: _Asset) -> None:
        self._put(self.inventory, name, _inventory_line(name, asset), kinds.InventoryLine)
        self._put(self.ledger, name, {"since": asset.ledger.since, "line": _ledger_line(name, asset)}, Ledger)
        self._put(self.endpoints, name, _endpoint(name, asset), kinds.EndpointHealth)
        for line in (self.inventory.get(name), self.ledger.get(name)):
            self.kept_bytes += len(msgspec.json.encode(line)) + LINE_BYTES
        self.kept_bytes += len(asset.ledger.requests) * REQUEST_BYTES

    def _read(self, name: str, body: bytes, form: type[_T]) -> _T | None:
        try:
            return decoded(body, form)
        except UnreadableError as error:
            self._note(name, error)
            return None

    def _put(self, lines: dict[str, _T], name: str, told: dict[str, Any], form: type[_T]) -> None:
        """Keep a line in the form that its report demands; where it has not that form, it is as if it had never been told."""
        lines.pop(name, None)
        try:
            lines[name] = msgspec.convert(told, form)
        except msgspec.ValidationError as error:
            self._note(name, error)

    def _note(self, name: str, error: Exception) -> None:
        self.unreadable += 1
        self.example = self.example or f"{name}: {error}"[:256]


def _inventory_line(name: str, state: _Asset) -> dict[str, Any]:
    return {
        "asset_id": name,
        "address": state.observation.address,
        "last_seen_at": state.last_seen_at,
        "last_asked_at": state.last_asked_at,
        "outcome": state.observation.outcome,
        "firmware_version": state.known.nameplate.firmware_version.value if state.known else "",
    }


def _ledger_line(name: str, state: _Asset) -> dict[str, Any]:
    totals = state.ledger
    return {
        "asset_id": name,
        "address": state.observation.address,
        "visits": totals.looks,
        "connections": totals.connections,
        "requests": totals.requests,
        "sent_bytes": totals.sent_bytes,
        "received_bytes": totals.received_bytes,
        "smallest_gap_ms": totals.smallest_gap_ms,
    }


def _endpoint(name: str, state: _Asset) -> dict[str, Any]:
    look = state.observation
    return {
        "asset_id": name,
        "outcome": look.outcome,
        "last_asked_at": state.last_asked_at,
        "last_seen_at": state.last_seen_at,
        "latency_ms": look.ledger.duration_ms,
        "failures": 0,
        "wait_s": 0.0,
        "quarantined": False,
    }


def _counted(outcomes: Iterable[str]) -> dict[str, int]:
    """Count how many assets ended how; there is always a place for what was not counted by its name."""
    counts: dict[str, int] = {}
    for outcome in outcomes:
        name = outcome if outcome in counts or len(counts) < MOST_OUTCOMES - 1 else OTHER
        counts[name] = counts.get(name, 0) + 1
    return counts


def _first(endpoints: Mapping[str, kinds.EndpointHealth], waits: Mapping[str, _Wait]) -> list[kinds.EndpointHealth]:
    """Return the lines that a person should see first, as many as a report takes."""
    lines = [_waiting(line, waits.get(name)) for name, line in endpoints.items()]
    lines.sort(key=lambda each: (not each.quarantined, -each.failures, each.asset_id))
    chosen: list[kinds.EndpointHealth] = []
    room = MOST_ENDPOINT_BYTES
    for line in lines[:MOST_ENDPOINTS]:
        room -= len(msgspec.json.encode(line)) + 1
        if room < 0:
            break
        chosen.append(line)
    return chosen


def _waiting(line: kinds.EndpointHealth, wait: _Wait | None) -> kinds.EndpointHealth:
    if wait is None:
        return line
    return msgspec.structs.replace(line, failures=wait.failures, wait_s=wait.wait_s, quarantined=wait.quarantined)
