"""Places where books can be kept, for tests that must hold for every store: SQLite, and a second one in memory.

The second store is the proof that the receiver depends on the port `isms.store` and not on SQLite. It keeps its promises in the
simplest way: what is written goes into a copy, and `commit` makes the copy the truth.
"""

import copy
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from evidence.chain import Head
from evidence.kinds import Asset, Change, Gap, Health, Inventory
from evidence.trust import Handover
from isms.inventory import Books
from isms.receive import Chain, ChainState, Presence, Report, Verdict
from isms.store import HELD_BYTES, HELD_RECORDS, KEPT_REFUSALS, Shelf, Store


class Both(Store, Shelf, Protocol):
    """What writes and what reads: each store here is both."""


Place = Callable[[], AbstractContextManager[Both]]
"""Opens the same books again and again."""


def sqlite(directory: Path) -> Place:
    return lambda: Books.open(directory / "isms.db")


def memory(_directory: Path) -> Place:
    kept = [_Facts()]

    @contextmanager
    def opened() -> Iterator[Both]:
        yield MemoryBooks(kept)

    return opened


PLACES = {"sqlite": sqlite, "memory": memory}


@dataclass
class _Facts:
    """Everything that is known."""

    writers: Counter[int] = field(default_factory=Counter)
    chains: list[list[Any]] = field(default_factory=list)  # chain, review
    records: list[tuple[str, str, int, bytes, str, Verdict, str, bytes]] = field(default_factory=list)
    held: dict[tuple[str, str, int], tuple[str, bytes, Gap | None]] = field(default_factory=dict)
    handovers: dict[str, Handover] = field(default_factory=dict)
    presences: dict[str, tuple[Presence, str]] = field(default_factory=dict)
    healths: dict[str, tuple[str, tuple[int, int], Any]] = field(default_factory=dict)
    epochs: list[tuple[str, str]] = field(default_factory=list)
    assets: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    changes: list[tuple[str, Any]] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    refused: list[dict[str, Any]] = field(default_factory=list)


class MemoryBooks:
    """The books in dictionaries."""

    def __init__(self, kept: list[_Facts]) -> None:
        self._kept = kept
        self._now: _Facts | None = None

    @property
    def _facts(self) -> _Facts:
        return self._now or self._kept[0]

    def begin(self) -> None:
        if self._now is None:
            self._now = copy.deepcopy(self._kept[0])

    def version(self) -> int:
        return self._facts.writers.total() - self._facts.writers[id(self)]

    def commit(self) -> None:
        if self._now is not None:
            self._now.writers[id(self)] += 1
            self._kept[0], self._now = self._now, None

    def chain(self, iss: str) -> Chain | None:
        return next((chain for chain, _ in reversed(self._facts.chains) if chain.iss == iss), None)

    def known(self, iss: str, epoch: str, seq: int) -> bytes | None:
        place = (iss, epoch, seq, Verdict.ACCEPTED)
        return next((one[3] for one in self._facts.records if (*one[:3], one[5]) == place), None)

    def head(self, iss: str, epoch: str) -> Head | None:
        chain = self._entry(iss, epoch)[0]
        held = any(one[:4] == (iss, epoch, chain.head.seq, chain.head.digest) for one in self._facts.records)
        return chain.head if held and chain.state is ChainState.SOUND else None

    def begin_chain(self, chain: Chain, *, review: str, at: str) -> None:
        self.begin()
        self._facts.chains.append([chain, review])
        for place in [place for place in self._facts.held if place[0] == chain.iss and place[1] != chain.head.epoch]:
            del self._facts.held[place]

    def move_head(self, chain: Chain) -> None:
        self.begin()
        entry = self._entry(chain.iss, chain.head.epoch)
        entry[0] = Chain(iss=chain.iss, kid=chain.kid, head=chain.head, state=entry[0].state)

    def freeze(self, iss: str, epoch: str, state: ChainState) -> None:
        self.begin()
        entry = self._entry(iss, epoch)
        entry[0] = Chain(iss=iss, kid=entry[0].kid, head=entry[0].head, state=state)

    def keep(self, report: Report, verdict: Verdict, at: str) -> None:
        self.begin()
        claims, envelope = report.claims, report.envelope
        row = (claims.iss, claims.epoch, claims.seq, envelope.digest, claims.type, verdict, at, envelope.token)
        if all(one[:4] != row[:4] for one in self._facts.records):
            self._facts.records.append(row)
        if verdict is not Verdict.ACCEPTED:
            return
        body, iss = json.loads(bytes(claims.body)), claims.iss
        match report.body:
            case Asset(asset_id=name):
                before = self._facts.assets.get((iss, name), {"nameplate": {}, "last_seen_at": None})
                seen = {"last_seen_at": body["observed_at"]} if body["nameplate"] else before
                known = body["nameplate"] or before["nameplate"]
                self._facts.assets[iss, name] = {**body, "nameplate": known, "last_seen_at": seen["last_seen_at"]}
            case Change():
                self._facts.changes.append((iss, body))
            case Inventory(assets=lines):
                for line in lines:
                    if line.last_seen_at and (iss, line.asset_id) in self._facts.assets:
                        self._facts.assets[iss, line.asset_id]["last_seen_at"] = line.last_seen_at
            case _:
                pass

    def hold(self, report: Report, topic: str) -> None:
        self.begin()
        claims, token = report.claims, report.envelope.token
        mine = [one[1] for place, one in self._facts.held.items() if place[0] == claims.iss]
        if len(mine) < HELD_RECORDS and sum(map(len, mine)) + len(token) <= HELD_BYTES:
            gap = report.body if isinstance(report.body, Gap) else None
            self._facts.held.setdefault((claims.iss, claims.epoch, claims.seq), (topic, token, gap))

    def take_held(self, iss: str, head: Head) -> tuple[str, bytes] | None:
        self.begin()
        found = self._facts.held.get((iss, head.epoch, head.seq + 1))
        for place in [place for place in self._facts.held if place[:2] == (iss, head.epoch) and place[2] <= head.seq + 1]:
            del self._facts.held[place]
        return found[:2] if found else None

    def held_gap(self, iss: str, head: Head) -> tuple[str, bytes] | None:
        for place, (topic, token, gap) in sorted(self._facts.held.items()):
            if place[:2] == (iss, head.epoch) and gap and gap.from_seq <= head.seq + 1 <= gap.to_seq:
                return topic, token
        return None

    def first_held(self, iss: str, epoch: str) -> int | None:
        return min((seq for one, other, seq in self._facts.held if (one, other) == (iss, epoch)), default=None)

    def waiting(self) -> set[str]:
        return {iss for iss, _, _ in self._facts.held}

    def note_handover(self, handover: Handover, at: str) -> None:
        self.begin()
        self._facts.handovers.setdefault(handover.old_kid, handover)

    def handovers(self) -> list[Handover]:
        return list(self._facts.handovers.values())

    def presence(self, iss: str) -> Presence | None:
        return self._facts.presences[iss][0] if iss in self._facts.presences else None

    def is_left(self, iss: str, epoch: str) -> bool:
        spoken = [each for one, each in self._facts.epochs if one == iss]
        begun = [chain.head.epoch for chain, _ in self._facts.chains if chain.iss == iss]
        return any(epoch in order and order[-1] != epoch for order in (spoken, begun))

    def note_presence(self, iss: str, presence: Presence, at: str) -> None:
        self.begin()
        self._facts.presences[iss] = presence, at
        if (iss, presence.epoch) not in self._facts.epochs:
            self._facts.epochs.append((iss, presence.epoch))

    def note_health(self, report: Report, health: Health, at: str) -> bool:
        self.begin()
        claims, place = report.claims, (health.sess, report.claims.up)
        before = self._facts.healths.get(claims.iss)
        news = before is None or before[0] != claims.epoch or before[1] < place
        if news:
            self._facts.healths[claims.iss] = claims.epoch, place, json.loads(bytes(claims.body))
        return news

    def refuse(self, topic: str, token: bytes, *, reason: str, detail: str, at: str) -> None:
        self.begin()
        self._facts.refusals[reason] += 1
        self._facts.refused.append({"at": at, "topic": topic[:200], "reason": reason, "detail": detail[:200]})
        del self._facts.refused[:-KEPT_REFUSALS]

    def assets(self) -> list[dict[str, Any]]:
        return [
            {"iss": iss, **seen, "changes": [body for one, body in self._facts.changes if (one, body["asset_id"]) == (iss, name)]}
            for (iss, name), seen in sorted(self._facts.assets.items())
        ]

    def gateways(self) -> list[dict[str, Any]]:
        heard = {*self._facts.presences, *self._facts.healths}
        return [self._gateway(iss) for iss in sorted(heard | {chain.iss for chain, _ in self._facts.chains})]

    def refusals(self) -> dict[str, int]:
        return dict(sorted(self._facts.refusals.items()))

    def refused(self) -> list[dict[str, Any]]:
        return list(self._facts.refused)

    def tokens(self) -> Iterator[tuple[int, bytes, str]]:
        order = [(chain.iss, chain.head.epoch) for chain, _ in self._facts.chains]
        for number, one in sorted(enumerate(self._facts.records, 1), key=lambda entry: order.index(entry[1][:2])):
            yield number, one[7], one[6]

    def _entry(self, iss: str, epoch: str) -> list[Any]:
        return next(entry for entry in self._facts.chains if (entry[0].iss, entry[0].head.epoch) == (iss, epoch))

    def _gateway(self, iss: str) -> dict[str, Any]:
        chains = [entry for entry in self._facts.chains if entry[0].iss == iss]
        chain = chains[-1][0] if chains else None
        mine = [one for one in self._facts.records if one[0] == iss]
        verdicts = Counter(one[5] for one in mine)
        presence, at = self._facts.presences.get(iss, (None, None))
        health = self._facts.healths.get(iss)
        return {
            "iss": iss,
            "status": ("online" if presence.online else "offline") if presence else "unknown",
            "status_at": at,
            "sess": presence.sess if presence else None,
            "epoch": chain.head.epoch if chain else None,
            "seq": chain.head.seq if chain else None,
            "state": chain.state if chain else None,
            "kid": chain.kid if chain else None,
            "epochs": len(chains),
            "records": verdicts[Verdict.ACCEPTED],
            "forks": verdicts[Verdict.FORKED],
            "breaks": verdicts[Verdict.BROKEN],
            "gaps": sum(one[4] == "gap/1" and one[5] is Verdict.ACCEPTED for one in mine),
            "last_received_at": max((one[6] for one in mine), default=None),
            "review": [f"{entry[0].head.epoch}: {note}" for entry in chains for note in self._notes(*entry)],
            "health": health[2] if health else None,
            "hole": self._hole(iss, chain, presence),
        }

    def _notes(self, chain: Chain, review: str) -> list[str]:
        unsound = [] if chain.state is ChainState.SOUND else [f"{chain.state} after {chain.head.seq}: frozen"]
        return [*unsound, *([review] if review else [])]

    def _hole(self, iss: str, chain: Chain | None, presence: Presence | None) -> list[int] | None:
        if chain and chain.state is ChainState.SOUND and (first := self.first_held(iss, chain.head.epoch)) is not None:
            return [chain.head.seq + 1, first - 1]
        there = presence.epoch if presence and (chain is None or chain.head.epoch != presence.epoch) else None
        first = self.first_held(iss, there) if there else None
        return [0, first - 1] if first is not None else None
