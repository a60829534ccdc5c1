"""Both halves of a gateway's spool in one directory, without devices and without a network, and a receiver to prove things to.

The halves are the real ones: `Recorder` over `Journal`, `Spool` over `Outbox`. Every record that is written carries a number, so
that a loss has a name. The receiver is as strict as the real one: one chain, no fork, no break, and no hole without a signed gap.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from agent.collect.recorder import Recorder
from agent.core.moment import ClockState, Moment
from agent.core.observation import Event
from agent.publish.fold import Author
from agent.publish.spool import Spool
from agent.publish.stated import claims_of
from buffer.journal import Journal
from buffer.outbox import DamagedParcel, Outbox, Stored
from buffer.record import Draft, State
from evidence import kinds
from evidence.chain import Head, Step, bridge, follow
from evidence.claims import Claims, Receipt, Stream
from evidence.envelope import hash_text
from evidence.keys import create_key, load_signer
from evidence.topics import issuer

ISSUER = issuer("faults", "gw")
AUDIENCE = "urn:isms:central"
CAP = 1024 * 1024
AGENT = kinds.ChainStart(
    reason=kinds.StartReason.FIRST_BOOT,
    plant="faults",
    gateway="gw",
    agent_version="0",
    previous=None,
    at="2026-11-22T00:00:00.000Z",
)


def moment(up_s: float = 0.0) -> Moment:
    return Moment(at_s=1_800_000_000.0 + up_s, up_s=up_s, boot="boot", clock=ClockState.SYNC)


def epoch(number: int) -> str:
    return f"00000000-0000-7000-8000-{number:012x}"


def numbered(number: int, subject: str = "gateway", padding: int = 0) -> Draft:
    """A record that says its number."""
    event = Event(name="n", at=moment().text, moment=moment(), subject=str(number), detail="x" * padding)
    return Draft(kind="event", subject=subject, at=moment().text, body=msgspec.json.encode(event))


@dataclass
class Place:
    """The files of one gateway, and its name."""

    directory: Path
    journal_cap: int = CAP
    outbox_cap: int = CAP
    name: str = "gw"

    @property
    def journal(self) -> Path:
        return self.directory / "collect" / "journal.db"

    @property
    def outbox(self) -> Path:
        return self.directory / "publish" / "outbox.db"

    @property
    def watermark(self) -> Path:
        return self.directory / "watermark"

    @property
    def author(self) -> Author:
        key = self.directory / "report.key"
        return Author(
            issuer=issuer("faults", self.name), audience=AUDIENCE, signer=load_signer(key) if key.exists() else create_key(key)
        )

    def open_journal(self, broken: str = "") -> Journal:
        return Journal.open(self.journal, max_bytes=self.journal_cap, watermark_file=self.watermark, broken=broken)

    @contextlib.contextmanager
    def recorder(self) -> Iterator[Recorder]:
        with self.open_journal() as journal:
            yield Recorder(journal, self.watermark, reopen=self.open_journal, floor_bytes=0)

    @contextlib.contextmanager
    def spool(
        self, author: Author, *, epoch_number: int = 1, now: Moment | None = None, broken: str = "", floor_bytes: int = 0
    ) -> Iterator[Spool]:
        with Outbox.open(self.outbox, max_bytes=self.outbox_cap, floor_bytes=floor_bytes, broken=broken) as outbox:
            yield Spool(
                outbox,
                self.journal,
                self.watermark,
                author=author,
                begin=AGENT,
                epoch=epoch(epoch_number),
                now=now or moment(),
                floor_bytes=floor_bytes,
            )


class ChainError(AssertionError):
    """The receiver was shown something that an honest gateway never shows."""


@dataclass
class Receiver:
    """What the ISMS would hold.

    Attributes:
        head: End of the chain that is held.
        seen: Numbers of the records that arrived.
        known: Digest of every record that ever came, by place: a second one for a place is a fork.
        missing: How many records signed gaps account for.
        lost: How many records of the journal `silence/1` accounts for.
        named: How many records of a former chain its successor names as its own.
        silences: Every `silence/1`.
        uncounted: Whether something is confessed of which the number is not known.
        tokens: Everything that came, in order.
        orphans: How many records came of a chain that was never begun here.
    """

    head: Head | None = None
    seen: set[int] = field(default_factory=set)
    repeated: int = 0
    orphans: int = 0
    known: dict[tuple[str, int], bytes] = field(default_factory=dict)
    waiting: dict[int, tuple[Claims, bytes]] = field(default_factory=dict)
    missing: int = 0
    lost: int = 0
    named: int = 0
    silences: list[kinds.Silence] = field(default_factory=list)
    uncounted: bool = False
    tokens: list[bytes] = field(default_factory=list)
    starts: list[kinds.ChainStart] = field(default_factory=list)

    def take(self, parcel: Stored) -> None:
        claims = claims_of(parcel)
        self.tokens.append(parcel.token)
        place = (claims.epoch, claims.seq)
        if self.known.setdefault(place, parcel.digest) != parcel.digest:
            raise ChainError(f"a fork at {place}")
        self._place(claims, parcel.digest)
        while self.head and (found := self.waiting.pop(self.head.seq + 1, None)):
            self._place(*found)

    def _place(self, claims: Claims, digest: bytes) -> None:
        held = self.head is not None and claims.epoch == self.head.epoch and claims.seq <= self.head.seq
        match follow(self.head, claims, digest, digest if held else None):
            case Step.ACCEPT | Step.NEW_EPOCH as step:
                if step is Step.NEW_EPOCH:
                    self._follow_on(kinds.decode_body(claims))
                self.head = Head(claims.epoch, claims.seq, digest)
                if claims.seq == 0:
                    self.waiting.clear()
                self._read(claims)
            case Step.AHEAD:
                assert self.head
                body = kinds.decode_body(claims)
                after = bridge(self.head, claims.seq, body) if isinstance(body, kinds.Gap) else None
                if after is not None:
                    self.missing += after.seq - self.head.seq
                    self.head = after
                self.waiting[claims.seq] = claims, digest
            case Step.DUPLICATE:
                self.repeated += 1
            case Step.UNKNOWN_EPOCH:
                self.orphans += 1
            case step:
                raise ChainError(f"{step} at {claims.epoch} {claims.seq}, head {self.head}")

    def _follow_on(self, start: kinds.Body) -> None:
        """Note what a chain says of the one before it."""
        assert isinstance(start, kinds.ChainStart)
        self.starts.append(start)
        held = (self.head.epoch, self.head.seq) if self.head else ("", -1)
        match start.previous:
            case None:
                self.uncounted = self.uncounted or self.head is not None
            case previous if previous.epoch == held[0] or not held[0]:
                self.named += max(0, previous.seq - held[1])
            case _:
                self.uncounted = True

    def _read(self, claims: Claims) -> None:
        match kinds.decode_body(claims):
            case kinds.Event(name="n", subject=number):
                self.seen.add(int(number))
            case kinds.Event(name="record.unreadable"):
                self.lost += 1
            case kinds.Silence(reason=reason, records=records) as silence:
                self.silences.append(silence)
                if reason is kinds.SilenceReason.LOST:
                    self.lost += records
                    self.uncounted = self.uncounted or not records

    def receipt(self) -> Receipt | None:
        if self.head is None:
            return None
        head = hash_text(self.head.digest)
        stream = Stream.EVIDENCE
        return Receipt(v=1, iss=AUDIENCE, aud=ISSUER, stream=stream, epoch=self.head.epoch, upto=self.head.seq, head=head, iat=1)


def deliver(spool: Spool, receiver: Receiver, *, limit: int = 10_000, now: Moment | None = None) -> int:
    """Hand over what waits, as the role does: oldest first, a gap just before the hole that it covers."""
    after, handed = 0, 0
    while handed < limit and (found := spool.outbox.pending(after, limit=1)):
        [parcel] = found
        if isinstance(parcel, DamagedParcel):
            spool.mend([parcel.position], now or moment())
            continue
        gap = spool.gap_before(parcel)
        if gap is not None:
            receiver.take(gap)
        receiver.take(parcel)
        after, handed = parcel.position, handed + 1
    return handed


def drain(spool: Spool, receiver: Receiver, now: Moment | None = None) -> None:
    """Fold and deliver until nothing is left, and settle it."""
    for _ in range(5000):
        folded = spool.fold(now or moment())
        deliver(spool, receiver, now=now)
        receipt = receiver.receipt()
        if receipt is not None:
            spool.settle(receipt)
        if not folded and not spool.outbox.depth().count:
            return
    raise AssertionError(f"never drained: {spool.outbox.depth()}, head {receiver.head}, chain {spool.chain}")


def state(number: int) -> State:
    return State(kind="endpoint", subject=f"a{number % 7}", at=moment().text, body=b"%d" % number)


def write(place: Place, first: int, count: int, padding: int = 0) -> None:
    """Let collect write so many records."""
    with place.recorder() as recorder:
        for number in range(first, first + count):
            assert recorder.record([numbered(number, f"a{number % 5}", padding)], [], moment())


def rot(path: Path, *positions: int) -> None:
    """Let the tokens at some places of an outbox rot."""
    with sqlite3.connect(path, isolation_level=None) as connection:
        for position in positions:
            connection.execute("UPDATE parcel SET token = zeroblob(length(token)) WHERE position = ?", (position,))
    connection.close()


def all_stored(spool: Spool) -> list[Stored]:
    """All that waits and can be believed."""
    return [entry for entry in spool.outbox.pending(0, limit=100_000) if isinstance(entry, Stored)]
