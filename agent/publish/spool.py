"""The IT side's half of the spool: reads the journal, keeps the outbox, and remembers where the chain ends.

Decides when the journal is worth opening and what goes into one transaction. Never writes the journal, never signs (the
`Author` does), and never advances the watermark without the envelopes that it stands for.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from agent.core.asset import AssetState
from agent.core.moment import Moment
from agent.log import line, logger
from agent.publish.fold import Author, Chain, Draft, drafts, extend
from agent.publish.manifest import Told, is_due, manifest
from buffer.errors import SpoolBusyError, SpoolDamagedError
from buffer.journal import JournalView
from buffer.outbox import Outbox, Stored
from buffer.watermark import Watermark, write_watermark
from evidence import kinds
from evidence.envelope import Receipt, Stream, hash_text

MOST_RECORDS = 100
MOST_BYTES = 1_048_576
MOST_ASSETS = 10_000

_log = logger("publish")

_Form = TypeVar("_Form")


class Spool:
    """Journal in, outbox out, and the notes that tie them together."""

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
    ) -> None:
        self.outbox = outbox
        self._journal_file = journal_file
        self._watermark_file = watermark_file
        self._author = author
        self._seen: tuple[int, int, int] | None = None
        notes = outbox.notes()
        chain = _note(notes, "chain", Chain)
        if chain is None:
            chain = self._begin(begin, epoch, now)
        self.chain = chain
        self._told = _note(outbox.notes(), "manifest", Told) or Told(moment=now)
        self._watermark = _note(notes, "watermark", Watermark) or Watermark(journal_id="", seq=0)
        self.sessions = _note(notes, "session", int) or 0

    def fold(self, now: Moment) -> int:
        """Fold what is new in the journal; return how many envelopes came of it. Cheap where nothing happened."""
        stamp = _stamp(self._journal_file)
        if stamp is None or (stamp == self._seen and not is_due(self._told, now)):
            return 0
        try:
            with JournalView.open(self._journal_file) as view:
                folded = self._fold_from(view, now)
        except SpoolBusyError:
            return 0
        except SpoolDamagedError as error:
            _log.error(line("journal.unreadable", why=str(error)))
            self._seen = stamp
            return 0
        if folded == 0:
            self._seen = stamp
        return folded

    def next_session(self) -> int:
        """Count one more connection to the broker, durably: a will belongs to exactly one of them."""
        self.sessions += 1
        self.outbox.commit([], {"session": msgspec.json.encode(self.sessions)})
        return self.sessions

    def settle(self, receipt: Receipt) -> int:
        """Let go of what the receiver holds, if it holds what we sent; return how many envelopes that were."""
        if receipt.stream is not Stream.EVIDENCE:
            return 0
        newest = self.outbox.find(receipt.epoch, receipt.upto)
        if not isinstance(newest, Stored):
            return 0  # settled already, a receipt for a chain that is not ours, or nothing left to compare it with
        if hash_text(newest.digest) != receipt.head:
            _log.error(line("receipt.mismatch", epoch=receipt.epoch, upto=receipt.upto))
            return 0
        return self.outbox.settle(receipt.epoch, receipt.upto)

    def states(self) -> dict[str, AssetState]:
        """Read the newest belief about each asset; none while the journal cannot be read."""
        try:
            with JournalView.open(self._journal_file) as view:
                return _assets(view)
        except (SpoolBusyError, SpoolDamagedError):
            return {}

    def confess(self, body: kinds.Body, subject: str, now: Moment) -> None:
        """Add one report of our own to the chain."""
        self._commit([Draft(subject, body)], {}, now)

    def _begin(self, begin: kinds.ChainStart, epoch: str, now: Moment) -> Chain:
        """Start a chain with the record that says why."""
        told = msgspec.json.encode(Told(moment=now))
        chain, parcels = extend(Chain(epoch=epoch), [Draft("gateway", begin)], author=self._author, now=now)
        self.outbox.commit(parcels, {"chain": msgspec.json.encode(chain), "manifest": told})
        _log.info(line("chain.started", epoch=epoch, reason=begin.reason))
        return chain

    def _fold_from(self, view: JournalView, now: Moment) -> int:
        """Fold one bounded batch, and the daily manifest when it is due."""
        after = self._watermark.seq if self._watermark.journal_id == view.id else 0
        records = view.read(after, max_records=MOST_RECORDS, max_bytes=MOST_BYTES)
        reports = drafts(records, now)
        if self._watermark.journal_id not in {"", view.id}:
            replaced = kinds.Event(name="journal.replaced", at=now.text, subject="gateway", detail="a new journal was begun")
            reports.insert(0, Draft("gateway", replaced))
        watermark = Watermark(journal_id=view.id, seq=records[-1].seq if records else after)
        notes = {"watermark": msgspec.json.encode(watermark)}
        told = self._told
        if is_due(told, now) and (manifested := manifest(_assets(view), now)):
            reports += manifested
            told = Told(moment=now, manifests=told.manifests + 1)
            notes["manifest"] = msgspec.json.encode(told)
        if not reports:
            return 0
        self._commit(reports, notes, now)
        self._watermark, self._told = watermark, told
        write_watermark(self._watermark_file, watermark.journal_id, watermark.seq)
        return len(reports)

    def _commit(self, reports: list[Draft], notes: dict[str, bytes], now: Moment) -> None:
        """Sign and store: envelopes, chain head and notes, or nothing."""
        chain, parcels = extend(self.chain, reports, author=self._author, now=now)
        self.outbox.commit(parcels, notes | {"chain": msgspec.json.encode(chain)})
        self.chain = chain


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return what changes whenever a file is written: a look at the directory instead of a look at the database."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _note(notes: Mapping[str, bytes], name: str, form: type[_Form]) -> _Form | None:
    """Read one of our own notes; a note that cannot be read is as good as none, and is said so."""
    if name not in notes:
        return None
    try:
        return msgspec.json.decode(notes[name], type=form)
    except msgspec.MsgspecError as error:
        _log.error(line("note.unreadable", name=name, why=str(error)))
        return None


def _assets(view: JournalView) -> dict[str, AssetState]:
    """Read the newest belief about each asset; one that cannot be read is left out and logged."""
    found: dict[str, AssetState] = {}
    for subject, state in view.states("asset", max_records=MOST_ASSETS).items():
        try:
            found[subject] = msgspec.json.decode(state.body, type=AssetState)
        except msgspec.MsgspecError as error:
            _log.warning(line("state.unreadable", subject=subject, why=str(error)))
    return found
