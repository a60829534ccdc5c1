"""Taking messages in: every decision of `receive` carried out on the books, one batch at a time.

Decides nothing itself. Must never hand out a receipt for what is not committed, and never lose a place in a chain: what cannot
be placed yet is held in memory, and whatever is dropped, the gateway sends again, because it has no receipt for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from evidence.chain import Head, bridge
from evidence.claims import Stream
from evidence.errors import EvidenceError
from evidence.kinds import ChainStart, Gap, Health, StatusOffline, StatusOnline
from isms.inventory import Books
from isms.receive import KEPT, Chain, ChainState, Report, Trust, Verdict, admit, judge, notice, reason_of, review

HELD_RECORDS: Final = 1024  # of one gateway
HELD_BYTES: Final = 4_194_304  # of one gateway


class Due(NamedTuple):
    """A receipt that is owed: the receiver holds everything of this chain up to its head."""

    iss: str
    head: Head


@dataclass(slots=True)
class _Window:
    """Records of one gateway that wait for their predecessors. Bounded: what does not fit is sent again by the gateway."""

    reports: dict[tuple[str, int], Report] = field(default_factory=dict)
    bytes: int = 0

    def hold(self, report: Report) -> None:
        """Keep a record for a while, if there is room."""
        place, size = (report.claims.epoch, report.claims.seq), len(report.envelope.token)
        if place not in self.reports and len(self.reports) < HELD_RECORDS and self.bytes + size <= HELD_BYTES:
            self.reports[place] = report
            self.bytes += size

    def take(self, head: Head) -> Report | None:
        """Return the record that comes after this head, if it is held."""
        report = self.reports.pop((head.epoch, head.seq + 1), None)
        if report is not None:
            self.bytes -= len(report.envelope.token)
        return report


class Intake:
    """The receiver between two commits.

    Args:
        books: Where everything is kept.
        prefix: The operator's levels above our topics.
        audience: Who we are.
    """

    def __init__(self, books: Books, *, prefix: str, audience: str) -> None:
        self._books = books
        self._prefix = prefix
        self._audience = audience
        self._chains = books.chains()
        self._windows: dict[str, _Window] = {}
        self._moved: set[str] = set()
        self._owed: set[tuple[str, str]] = set()

    def take(self, topic: str, token: bytes, *, trust: Trust, at: str) -> None:
        """Take one message, whatever it is. It counts once `commit` has returned.

        Args:
            topic: Where it arrived.
            token: What arrived.
            trust: Whose word counts.
            at: When, RFC 3339.
        """
        try:
            report = admit(topic, token, prefix=self._prefix, audience=self._audience, trust=trust)
        except EvidenceError as problem:
            self._books.refuse(topic, token, reason=reason_of(problem), detail=str(problem), at=at)
            return
        match report.claims.stream:
            case Stream.EVIDENCE:
                self._evidence(topic, report, at)
            case Stream.STATUS | Stream.HEALTH:
                self._word(topic, report, at)

    def commit(self) -> list[Due]:
        """Make everything taken so far durable, and return the receipts that are owed for it, newest chain last."""
        for iss in self._moved:
            self._books.move_head(self._chains[iss])
        self._books.commit()
        due = list(self._receipts())
        self._moved.clear()
        self._owed.clear()
        return due

    def _receipts(self) -> Iterator[Due]:
        """A retained topic shows the last one: a receipt for an old chain comes before that of the current one."""
        current = {(iss, self._chains[iss].head.epoch) for iss, _ in self._owed}
        for iss, epoch in [*sorted(self._owed - current), *sorted(current)]:
            head = self._books.head(iss, epoch)
            if head is not None:
                yield Due(iss, head)

    def _evidence(self, topic: str, report: Report, at: str) -> None:
        """Place a record in its chain, and after it those that waited for it."""
        iss = report.claims.iss
        window = self._windows.setdefault(iss, _Window())
        following: Report | None = report
        while following is not None:
            verdict = self._place(following, at)
            if verdict is Verdict.AHEAD:
                window.hold(following)
            elif verdict not in (KEPT | {Verdict.REPEATED}):
                detail = f"{following.claims.epoch} {following.claims.seq}"
                self._books.refuse(topic, following.envelope.token, reason=verdict, detail=detail, at=at)
            chain = self._chains.get(iss)
            following = window.take(chain.head) if chain and chain.state is ChainState.SOUND else None

    def _place(self, report: Report, at: str) -> Verdict:
        """Judge one record and carry the verdict out."""
        iss, epoch = report.claims.iss, report.claims.epoch
        chain = self._chains.get(iss)
        verdict = judge(chain, report, self._known(chain, report))
        match verdict:
            case Verdict.ACCEPTED:
                self._extend(chain, report, at)
            case Verdict.REPEATED:
                self._owed.add((iss, epoch))
            case Verdict.FORKED | Verdict.BROKEN:
                self._freeze(report, verdict, at)
            case Verdict.AHEAD:
                self._bridge(chain, report)
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
        longer = Chain(iss=claims.iss, kid=report.kid, head=head)
        if chain is None or chain.head.epoch != claims.epoch:
            self._leave(chain)
            note = review(chain, report.body) if isinstance(report.body, ChainStart) else "its first record cannot be read"
            self._books.begin_chain(longer, review=note, at=at)
        self._chains[claims.iss] = longer
        self._moved.add(claims.iss)
        self._owed.add((claims.iss, claims.epoch))
        self._books.keep(report, Verdict.ACCEPTED, at)

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
        if self._chains[iss].head.epoch == epoch:
            self._chains[iss] = replace(self._chains[iss], state=state)

    def _bridge(self, chain: Chain | None, report: Report) -> None:
        """Step over records that the gateway gave up, if this record is its signed word on exactly those."""
        if chain is None or not isinstance(report.body, Gap):
            return
        head = bridge(chain.head, report.claims.seq, report.body)
        if head is not None:
            self._chains[chain.iss] = replace(chain, head=head)
            self._moved.add(chain.iss)

    def _word(self, topic: str, report: Report, at: str) -> None:
        """Take what a gateway says of itself, unless it is an old word."""
        iss = report.claims.iss
        presence = self._books.presence(iss)
        news = False
        if not self._books.is_closed(iss, report.claims.epoch):
            match report.body:
                case StatusOnline() | StatusOffline() as status if after := notice(presence, report.claims, status):
                    self._books.note_presence(iss, after, at)
                    news = True
                case Health() as health:
                    news = self._books.note_health(report, health)
        if not news:
            self._books.refuse(topic, report.envelope.token, reason="outdated", detail=report.claims.type, at=at)
