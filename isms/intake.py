"""Taking messages in: every decision of `receive` carried out on the books, one batch at a time.

Decides nothing itself. Must never hand out a receipt for what is not committed, and never lose a place in a chain: what cannot
be placed yet is held in the books, and whatever is dropped, the gateway sends again, because it has no receipt for it.

Several receivers may share the books. Each batch is one transaction that nobody else can write in, and what is remembered from one
to the next is forgotten as soon as somebody else has written. So a chain lies in the books and in no process, and it does not
matter which receiver gets which of its records: docs/decisions/0011-shared-receivers.md.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from evidence.chain import Head, anchor, bridge
from evidence.claims import Stream
from evidence.errors import EvidenceError
from evidence.kinds import ChainStart, Gap, Health, StatusOffline, StatusOnline
from evidence.trust import Handover, Registry
from isms.receive import (
    KEPT,
    Chain,
    ChainState,
    Presence,
    Report,
    Verdict,
    admit,
    handover,
    judge,
    notice,
    reason_of,
    review,
    taken_up,
)
from isms.store import Store


class Due(NamedTuple):
    """A receipt that is owed: the receiver holds everything of this chain up to its head."""

    iss: str
    head: Head


class Hole(NamedTuple):
    """Records of a sound chain that are missing, while later ones wait. Both ends are included."""

    iss: str
    epoch: str
    from_seq: int
    to_seq: int


class Intake:
    """The receiver between two commits.

    Args:
        books: Where everything is kept.
        prefix: The operator's levels above our topics.
        audience: Who we are.
    """

    def __init__(self, books: Store, *, prefix: str, audience: str) -> None:
        self._books = books
        self._prefix = prefix
        self._audience = audience
        self._chains: dict[str, Chain | None] = {}
        self._handovers: list[Handover] = []
        self._retired: frozenset[str] = frozenset()
        self._trust: tuple[Registry, Registry] = (Registry(), Registry())
        self._waiting: set[str] = set()
        self._version = -1
        self._began = False
        self._moved: set[str] = set()
        self._owed: set[tuple[str, str]] = set()

    def take(self, topic: str, token: bytes, *, trust: Registry, at: str) -> None:
        """Take one message, whatever it is. It counts once `commit` has returned.

        Args:
            topic: Where it arrived.
            token: What arrived.
            trust: Whose word counts, by the operator's file.
            at: When, RFC 3339.

        Raises:
            Exception: What the store raises if it cannot be written; `InventoryError` once it is closed.
        """
        if not self._began:
            self._begin()
        try:
            report = self._admit(topic, token, trust)
        except EvidenceError as problem:
            self._books.refuse(topic, token, reason=reason_of(problem), detail=str(problem), at=at)
            return
        match report.claims.stream:
            case Stream.EVIDENCE:
                self._evidence(topic, report, trust, at)
            case Stream.STATUS | Stream.HEALTH:
                self._word(topic, report, at)

    def commit(self) -> list[Due]:
        """Make everything taken so far durable, and return the receipts that are owed for it, newest chain last."""
        for iss in self._moved:
            self._books.move_head(self._current(iss))
        due = list(self._receipts())
        self._books.commit()
        self._began = False
        self._moved.clear()
        self._owed.clear()
        return due

    def holes(self) -> list[Hole]:
        """Return what is missing of the chains of which later records wait."""
        found = []
        for iss in sorted(self._waiting):
            holes = list(self._holes(iss))
            if not holes:
                self._waiting.discard(iss)
            found += [hole for hole in holes if hole.from_seq <= hole.to_seq]
        return found

    def _holes(self, iss: str) -> Iterator[Hole]:
        """Yield what is missing of a gateway's chain, and of the one in which it says that it is now."""
        chain, presence = self._chain(iss), self._books.presence(iss)
        if chain and chain.state is ChainState.SOUND and (first := self._books.first_held(iss, chain.head.epoch)) is not None:
            yield Hole(iss, chain.head.epoch, chain.head.seq + 1, first - 1)
        if presence and self._is_present(chain, iss, presence.epoch):
            first = self._books.first_held(iss, presence.epoch)
            if first is not None:
                yield Hole(iss, presence.epoch, 0, first - 1)

    def known_keys(self, trust: Registry) -> Registry:
        """Return the operator's keys and those to which they have handed over."""
        if self._trust[0] is not trust:
            self._trust = (trust, trust.inheriting(self._handovers))
        return self._trust[1]

    def presence(self, iss: str) -> Presence | None:
        """Return what a gateway last said of its connection."""
        return self._books.presence(iss)

    def _begin(self) -> None:
        """Begin a batch, and learn from the books what somebody else may have changed in them."""
        self._books.begin()
        self._began = True
        before, self._version = self._version, self._books.version()
        if before == self._version:
            return
        self._chains.clear()
        self._handovers = self._books.handovers()
        self._retired = frozenset(handover.old_kid for handover in self._handovers)
        self._trust = (Registry(), Registry())
        self._waiting = self._books.waiting()

    def _admit(self, topic: str, token: bytes, trust: Registry) -> Report:
        """Open a message with the operator's keys, and those to which they have handed over."""
        return admit(topic, token, prefix=self._prefix, audience=self._audience, trust=self.known_keys(trust))

    def _chain(self, iss: str) -> Chain | None:
        """Return the current chain of a gateway."""
        if iss not in self._chains:
            self._chains[iss] = self._books.chain(iss)
        return self._chains[iss]

    def _current(self, iss: str) -> Chain:
        """Return the current chain of a gateway that has one."""
        chain = self._chain(iss)
        if chain is None:
            raise LookupError(f"{iss} has no chain")
        return chain

    def _receipts(self) -> Iterator[Due]:
        """A retained topic shows the last one: a receipt for an old chain comes before that of the current one."""
        current = {(iss, self._current(iss).head.epoch) for iss, _ in self._owed}
        for iss, epoch in [*sorted(self._owed - current), *sorted(current)]:
            head = self._books.head(iss, epoch)
            if head is not None:
                yield Due(iss, head)

    def _evidence(self, topic: str, report: Report, trust: Registry, at: str) -> None:
        """Place a record in its chain, and after it those that waited for it."""
        following: Report | None = report
        while following is not None:
            self._settle(topic, following, self._place(following, at), at)
            following = self._next_held(report.claims.iss, trust, at)

    def _settle(self, topic: str, report: Report, verdict: Verdict, at: str) -> None:
        """Hold what is ahead, and enter what is not kept."""
        if verdict is Verdict.AHEAD:
            self._books.hold(report, topic)
            self._waiting.add(report.claims.iss)
        elif verdict not in (KEPT | {Verdict.REPEATED}):
            detail = f"{report.claims.epoch} {report.claims.seq}"
            self._books.refuse(topic, report.envelope.token, reason=verdict, detail=detail, at=at)

    def _next_held(self, iss: str, trust: Registry, at: str) -> Report | None:
        """Return the record that waited for the one just placed. Its key may have been revoked meanwhile: it is opened anew."""
        while iss in self._waiting and (chain := self._chain(iss)) and chain.state is ChainState.SOUND:
            found = self._books.take_held(iss, chain.head)
            if found is not None:
                return self._reopened(found, trust)
            over = self._books.held_gap(iss, chain.head)
            gap = self._reopened(over, trust) if over else None
            if gap is None or not self._bridge(chain, gap, at):
                return None
        return None

    def _reopened(self, held: tuple[str, bytes], trust: Registry) -> Report | None:
        """Open a record that waited; None if nobody vouches for it any more."""
        try:
            return self._admit(*held, trust)
        except EvidenceError:
            return None

    def _place(self, report: Report, at: str) -> Verdict:
        """Judge one record and carry the verdict out."""
        iss, epoch = report.claims.iss, report.claims.epoch
        chain = self._chain(iss)
        retired, present = report.kid in self._retired, self._is_present(chain, iss, epoch)
        verdict = judge(chain, report, self._known(chain, report), retired=retired, present=present)
        match verdict:
            case Verdict.ACCEPTED:
                self._extend(chain, report, at)
            case Verdict.REPEATED:
                self._owed.add((iss, epoch))
            case Verdict.FORKED | Verdict.BROKEN:
                self._freeze(report, verdict, at)
            case Verdict.AHEAD:
                self._bridge(chain, report, at)
            case Verdict.FROZEN | Verdict.ORPHAN | Verdict.GIVEN_UP | Verdict.OTHER_KEY:
                pass
        return verdict

    def _known(self, chain: Chain | None, report: Report) -> bytes | None:
        """Look for a record at the same place. None can be beyond the head, which spares the look for most records."""
        claims = report.claims
        if chain and claims.epoch == chain.head.epoch and claims.seq > chain.head.seq:
            return None
        return self._books.known(claims.iss, claims.epoch, claims.seq)

    def _extend(self, chain: Chain | None, report: Report, at: str) -> None:
        """Make a record the new end of its chain, or the beginning of one."""
        claims = report.claims
        head = Head(claims.epoch, claims.seq, report.envelope.digest)
        passed_on = handover(report)
        longer = Chain(iss=claims.iss, kid=passed_on.new.kid if passed_on else report.kid, head=head)
        if chain is None or chain.head.epoch != claims.epoch:
            self._leave(chain)
            note = review(chain, report.body) if isinstance(report.body, ChainStart) else "its first record cannot be read"
            self._books.begin_chain(longer, review=note, at=at)
        self._chains[claims.iss] = longer
        self._moved.add(claims.iss)
        self._owed.add((claims.iss, claims.epoch))
        self._books.keep(report, Verdict.ACCEPTED, at)
        if passed_on:
            self._inherit(passed_on, at)

    def _inherit(self, passed_on: Handover, at: str) -> None:
        """Let a key that was named inside its chain speak from now on, and the one before it no more."""
        self._books.note_handover(passed_on, at)
        self._handovers.append(passed_on)
        self._retired |= {passed_on.old_kid}
        self._trust = (Registry(), Registry())

    def _leave(self, chain: Chain | None) -> None:
        """Enter the end of a chain that is closed by the beginning of another."""
        if chain and chain.iss in self._moved:
            self._books.move_head(chain)

    def _freeze(self, report: Report, verdict: Verdict, at: str) -> None:
        """Keep the proof, and stop the chain it speaks against."""
        iss, epoch = report.claims.iss, report.claims.epoch
        state = ChainState.FORKED if verdict is Verdict.FORKED else ChainState.BROKEN
        self._books.keep(report, verdict, at)
        self._books.freeze(iss, epoch, state)
        chain = self._current(iss)
        if chain.head.epoch == epoch:
            self._chains[iss] = replace(chain, state=state)

    def _bridge(self, chain: Chain | None, report: Report, at: str) -> bool:
        """Step over records that the gateway gave up, if this record is its signed word on exactly those; return whether it was."""
        if not isinstance(report.body, Gap):
            return False
        if chain is None or chain.head.epoch != report.claims.epoch:
            return self._take_up(chain, report, report.body, at)
        head = bridge(chain.head, report.claims.seq, report.body)
        if head is None:
            return False
        self._chains[chain.iss] = replace(chain, head=head)
        self._moved.add(chain.iss)
        return True

    def _take_up(self, chain: Chain | None, report: Report, gap: Gap, at: str) -> bool:
        """Begin a chain in the middle, if the gateway signed that all before was delivered to books that are not these."""
        head = anchor(report.claims, gap)
        if head is None:
            return False
        self._leave(chain)
        begun = Chain(iss=report.claims.iss, kid="", head=head)
        self._books.begin_chain(begun, review=taken_up(head), at=at)
        self._chains[begun.iss] = begun
        return True

    def _is_present(self, chain: Chain | None, iss: str, epoch: str) -> bool:
        """Return whether a gateway says that it is in another epoch than its chain, and in this one, which it never left."""
        if chain and chain.head.epoch == epoch:
            return False
        presence = self._books.presence(iss)
        return presence is not None and presence.epoch == epoch and not self._books.is_left(iss, epoch)

    def _word(self, topic: str, report: Report, at: str) -> None:
        """Take what a gateway says of itself, unless it is an old word."""
        iss = report.claims.iss
        presence = self._books.presence(iss)
        news = False
        if report.kid in self._retired:
            self._books.refuse(topic, report.envelope.token, reason=Verdict.OTHER_KEY, detail=report.claims.type, at=at)
            return
        if not self._books.is_left(iss, report.claims.epoch):
            match report.body:
                case StatusOnline() | StatusOffline() as status if after := notice(presence, report.claims, status):
                    self._books.note_presence(iss, after, at)
                    news = True
                case Health() as health:
                    news = self._books.note_health(report, health, at)
        if not news:
            self._books.refuse(topic, report.envelope.token, reason="outdated", detail=report.claims.type, at=at)
