"""The IT side's half of the spool: reads the journal, keeps the outbox, and remembers where the chain ends.

Decides when the journal is worth opening and what goes into one transaction. Never writes the journal, never signs (the
`Author` does), and never advances the watermark without the envelopes that it stands for.
"""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import msgspec

from agent.core.limits import FREE_FLOOR_BYTES
from agent.core.moment import Moment, elapsed_s
from agent.log import line, logger
from agent.publish.airlock import Airlock, Batch, look, wait
from agent.publish.daily import Daily
from agent.publish.facts import Facts
from agent.publish.fold import Author, Chain, Draft, drafts
from agent.publish.keeping import Keeper, Settled
from agent.publish.manifest import Told, resumed
from agent.publish.rescue import Rescue
from agent.publish.stated import note
from buffer.errors import SpoolBusyError, SpoolDamagedError, SpoolFullError, SpoolNewerError
from buffer.limits import PAGE_BYTES
from buffer.outbox import DAMAGED, Outbox, Stored
from buffer.record import Record
from buffer.watermark import Watermark, read_watermark, write_watermark
from buffer.wreck import Wreck
from evidence import kinds
from evidence.envelope import Receipt

FLOOR_EVERY_S = 60.0
BATCH_SHARE = 8
"""The share of the outbox that one batch may take: what makes room for it must not be most of what waits."""

_log = logger("publish")


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """How far a journal was folded.

    Attributes:
        journal_id: Which journal; empty before the first.
        seq: The last record.
        at: When that was written down, RFC 3339, or None if that is not known.
    """

    journal_id: str = ""
    seq: int = 0
    at: str | None = None


class Spool:
    """Journal in, outbox out, and the notes that tie them together.

    Attributes:
        outbox: What waits.
        sessions: How many connections to the broker there were.
        facts: How the plant is, as far as the journal told lately.
    """

    def __init__(
        self,
        outbox: Outbox,
        journal_file: Path,
        watermark_file: Path,
        *,
        author: Author,
        begin: kinds.ChainStart,
        epoch: str,
        now: Moment,
        floor_bytes: int = FREE_FLOOR_BYTES,
    ) -> None:
        self.outbox = outbox
        self.facts = Facts(journal_file)
        self._journal_file = journal_file
        self._watermark_file = watermark_file
        self._start = begin
        self._floor_bytes = floor_bytes
        self._airlock = Airlock[Batch]()
        self._batch_bytes = outbox.max_bytes // BATCH_SHARE
        self._seen: tuple[int, int, int] | None = None
        self._looked: tuple[int, int, int] | None = None
        self._floor_at: Moment | None = None
        self._unwritten = False
        notes = outbox.notes()
        chain = note(notes, "chain", Chain)
        self._first = Chain(epoch=epoch)
        self._keeper = Keeper(outbox, author, chain or self._first, note(notes, "settled", Settled))
        damaged = outbox.damaged
        self._rescue = Rescue(outbox, Wreck(outbox.path.with_name(damaged[0])), author) if damaged else None
        self._daily = Daily(outbox, self._keeper.append, resumed(note(notes, "manifest", Told), now))
        self._folded = note(notes, "watermark", Reached) or Reached()
        self._remind()
        self.sessions = note(notes, "session", int) or 0
        if self._rescue is None:
            self._begin_if_needed(chain, now)

    @property
    def chain(self) -> Chain:
        """Where the evidence chain ends."""
        return self._keeper.chain

    def fold(self, now: Moment) -> int:
        """Fold what is new in the journal; return how many envelopes came of it. Cheap where nothing happened.

        Raises:
            SpoolFullError: There is no room, and nothing that may go.
            SpoolDamagedError: The outbox broke since it was opened; open it again.
            OSError: The disk failed. Nothing was written.
        """
        try:
            future = self.look(now)
            batch = wait(future) if future else None
        except SpoolBusyError:
            return 0
        except (SpoolDamagedError, SpoolNewerError) as error:
            self.refuse(error)
            return 0
        return self.take(batch, now)

    def look(self, now: Moment) -> "Future[Batch] | None":
        """Begin to look into the journal, if that is worth it.

        Raises:
            SpoolBusyError: An earlier look has not come back.
        """
        stamp = _stamp(self._journal_file)
        if self._rescue or stamp is None or (stamp == self._seen and not self._daily.is_due(now)):
            return None
        mark = Watermark(journal_id=self._folded.journal_id, seq=self._folded.seq)
        states = self._daily.is_due(now) or self.facts.are_due(now)
        self._looked = stamp
        return self._airlock.start(lambda: look(self._journal_file, mark, states=states))

    @property
    def is_looking(self) -> bool:
        """Whether a look has not come back."""
        return self._airlock.stuck

    def refuse(self, error: SpoolDamagedError | SpoolNewerError) -> None:
        """Leave a journal alone that is none, or a later version's, until it changes: its writer must not be able to stop us."""
        _log.error(line("journal.unreadable", why=str(error)))
        self._seen = self._looked

    def take(self, batch: Batch | None, now: Moment) -> int:
        """Fold what a look brought, and do what else is due; return how many envelopes came of it. Raises as `fold` does."""
        if _is_due(self._floor_at, now, FLOOR_EVERY_S):
            self._floor_at = now
            self.outbox.respect(self._floor_bytes)
        self._keeper.close_former(now)
        if self._rescue:
            return self._save(self._rescue, now)
        if batch is None:
            return 0
        folded = self._fold(self._fitting(batch), now)
        if batch.survey:
            self.facts.take(batch.survey, now)
            folded += self._daily.tell(batch.survey, now)
        if folded == 0:
            self._seen = self._looked
        return folded

    @property
    def settled_upto(self) -> int | None:
        """The last number of this chain that the receiver holds, as far as its receipts reach; None before the first."""
        settled = note(self.outbox.notes(), "settled", Settled)
        return settled.upto if settled and settled.epoch == self.chain.epoch and settled.upto >= 0 else None

    def next_session(self, now: Moment) -> int:
        """Count one more connection to the broker, durably: a will belongs to exactly one of them.

        Always in the same width: where an outbox is full to the last page, only a connection leads to room.
        """
        self._keeper.remember({"session": b"%-16d" % (self.sessions + 1)}, now)
        self.sessions += 1
        return self.sessions

    def settle(self, receipt: Receipt) -> int:
        """Let go of what the receiver holds, if it holds what we sent; return how many envelopes that were."""
        return self._keeper.settle(receipt)

    def give_up(self, parcel: Stored, reason: kinds.GapReason, now: Moment) -> bool:
        """Let go of an envelope that nobody will ever take, and confess it; return whether it was still here."""
        return self._keeper.give_up(parcel, reason, now)

    def mend(self, rotten: list[int], now: Moment) -> None:
        """Let go of envelopes that cannot be believed any more, and confess them."""
        self._keeper.mend(rotten, now)

    def gap_before(self, parcel: Stored) -> Stored | None:
        """Return the gap that bridges what is missing before an envelope, if something is."""
        return self._keeper.gap_before(parcel)

    def again(self, epoch: str, first: int, now: Moment) -> tuple[int, bool] | None:
        """Find from where to send again for a receiver that holds all of a chain before `first`; see `Keeper.again`."""
        return self._keeper.again(epoch, first, now)

    def rotate(self, author: Author, offer: Callable[[Chain], kinds.KeyRotate], now: Moment) -> None:
        """Hand the chain over to another key, durably; see `Keeper.rotate`."""
        self._keeper.rotate(author, offer, now)

    def _begin_if_needed(self, chain: Chain | None, now: Moment) -> None:
        """Start a chain in a new outbox, and in one that went back in time: to go on there would use a place twice."""
        former = self._keeper.former_end()
        if chain is None:
            reason = kinds.StartReason.DAMAGED if former else self._start.reason
        elif self._keeper.went_back():
            reason = kinds.StartReason.RESTORE
        else:
            return
        start = msgspec.structs.replace(self._start, reason=reason, previous=former)
        self._begin(lambda: start, {}, now, sure=False)

    def _begin(self, start: Callable[[], kinds.ChainStart], notes: dict[str, bytes], now: Moment, *, sure: bool) -> None:
        """Start a chain with the record that says why."""
        notes = {"manifest": msgspec.json.encode(Told(moment=now)), **notes}
        self._keeper.begin(self._first, start, notes, now, sure=sure)
        _log.info(line("chain.started", epoch=self.chain.epoch, reason=start().reason))

    def _save(self, rescue: Rescue, now: Moment) -> int:
        """Save some more of a damaged outbox; when nothing is left, confess what is lost and begin anew."""
        if rescue.step():
            return 1
        previous, whole = self._keeper.former_end(), False
        end = rescue.end(previous)
        if end is not None:
            self._keeper.resume(*end)
            self._keeper.confess_missing(kinds.GapReason.DAMAGED, now)
            whole = self._keeper.chain == end[0]
        # Where envelopes are lost, what the journal still has of them is folded again: twice is better than never.
        notes = {name: value for name, value in rescue.notes().items() if whole or name != "watermark"}

        def start() -> kinds.ChainStart:
            chain = self._keeper.chain
            is_known = end is not None and chain.head is not None
            named = kinds.PreviousChain(epoch=chain.epoch, seq=chain.seq, head=chain.head or "") if is_known else previous
            return msgspec.structs.replace(self._start, reason=kinds.StartReason.DAMAGED, previous=named, at=now.text)

        self._begin(start, {**notes, DAMAGED: b""}, now, sure=end is not None)
        self._daily.told = resumed(note(notes, "manifest", Told), now)
        self._folded = note(notes, "watermark", Reached) or Reached()
        self.sessions = max(self.sessions, note(notes, "session", int) or 0)
        self._rescue = None
        return 1

    def _fold(self, batch: Batch, now: Moment) -> int:
        """Fold one bounded batch."""
        known = self._folded if self._folded.journal_id == batch.journal_id else None
        after = max(known.seq if known else 0, self._trimmed(batch.journal_id))
        reports = drafts(batch.records, now, after=after, after_at=known.at if known else None)
        if known is None and self._folded.journal_id:
            replaced = kinds.Event(name="journal.replaced", at=now.text, subject="gateway", detail="a new journal was begun")
            reports.insert(0, Draft("gateway", replaced))
        folded = _end_of(batch, known)
        if not reports:
            return 0
        try:
            self._keeper.append(reports, {"watermark": msgspec.json.encode(folded)}, now)
        except SpoolFullError:
            self._batch_bytes //= 4  # where others have filled the volume, an outbox may hold far less than its cap
            raise
        self._batch_bytes = min(2 * self._batch_bytes + PAGE_BYTES, self.outbox.max_bytes // BATCH_SHARE)
        self._folded = folded
        self._hand_back(folded)
        return len(reports)

    def _hand_back(self, folded: Reached) -> None:
        """Tell collect how far it may trim. What was folded is durable already: a word that cannot be written only delays trimming."""
        try:
            write_watermark(self._watermark_file, folded.journal_id, folded.seq)
        except OSError as error:
            if not self._unwritten:
                _log.warning(line("watermark.unwritten", why=str(error)))
            self._unwritten = True
        else:
            self._unwritten = False

    def _remind(self) -> None:
        """Put a watermark that was lost, or is behind, in its place again: collect tells by it a journal that went back in time."""
        folded, mark = self._folded, read_watermark(self._watermark_file)
        is_behind = mark is None or (mark.journal_id == folded.journal_id and mark.seq < folded.seq)
        if folded.journal_id and is_behind:
            self._hand_back(folded)

    def _trimmed(self, journal_id: str) -> int:
        """Return how far collect was told to trim a journal, also by an outbox that is gone: up to there a hole is no loss."""
        mark = read_watermark(self._watermark_file)
        return mark.seq if mark and mark.journal_id == journal_id else 0

    def _fitting(self, batch: Batch) -> Batch:
        """Return as much of a batch as a small outbox can take at once; always one record, so that folding never stands still."""
        room = self._batch_bytes
        for count, record in enumerate(batch.records):
            room -= 2 * len(record.body) + 1200 if isinstance(record, Record) else 1200
            if room < 0 and count:
                return replace(batch, records=batch.records[:count])
        return batch


def _end_of(batch: Batch, known: Reached | None) -> Reached:
    """Return how far the journal is folded after a batch."""
    if not batch.records:
        return Reached(journal_id=batch.journal_id, seq=known.seq if known else 0, at=known.at if known else None)
    last = batch.records[-1]
    return Reached(journal_id=batch.journal_id, seq=last.seq, at=last.at if isinstance(last, Record) else None)


def _is_due(last: Moment | None, now: Moment, every_s: float) -> bool:
    return last is None or elapsed_s(last, now) >= every_s


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return what changes whenever a file is written: a look at the directory instead of a look at the database."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
