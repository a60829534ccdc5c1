"""Between the look and the journal: nothing seen is forgotten because the file is busy, full or broken for a moment.

Decides what is written at once and what may wait, and when folded records are trimmed. News, and what keeps a device from being
asked too often, is on disk before anything else happens. A look that saw nothing new only moves *last seen*; it waits in memory
for company, because each transaction wears the flash. Never waits itself: a reader that holds the file must not hold up a device.
What no longer fits in memory is counted, and the count is written down.

Every transaction carries a sign of life. The next start reads from it since when nobody was looking.
"""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from agent.collect.records import draft, event, read_state
from agent.core.limits import FREE_FLOOR_BYTES
from agent.core.moment import ClockState, Moment, elapsed_s
from agent.core.silence import HEARTBEAT_S, LONGEST_PAUSE_S, Heartbeat, SilenceReason, at_start, between, clock_mended, frozen
from agent.core.vitals import VITALS, Vitals
from agent.log import line, logger
from buffer.backlog import Backlog, write_backlog
from buffer.errors import SpoolBusyError, SpoolDamagedError, SpoolError, SpoolFullError
from buffer.journal import WENT_BACK, Journal, went_back
from buffer.record import Draft, State
from buffer.watermark import read_watermark

LONGEST_TAIL = 1000
"""Records held in memory while the journal cannot be written: days of changes, at most a few megabytes."""

TRIM_STEP = 100
"""Folded records that may lie in the journal before a transaction is spent on them. Flash wears out; space is cheap."""

LONGEST_FLUSH_S = 1800.0
"""How long *last seen* may wait in memory at most: what a power cut may cost of its accuracy."""

FLUSHES_AN_INTERVAL = 12
"""At a shorter interval it waits less: at most one look in a dozen."""

FLOOR_EVERY_S = 60.0

BACKLOG_EVERY_S = 60.0
"""How often what waits in memory is told to publish."""

MOST_ATTEMPTS = 32
"""To write after room was made: each time a sixteenth of a full journal goes, and what waits may be a tenth of it."""

_log = logger("collect")


class Recorder:
    """Writes observations, changes and states in few transactions, and keeps them while it cannot.

    Args:
        journal: Where to. Whoever begins it closes it.
        watermark_file: Tells what was folded.
        reopen: Opens the journal anew, told how it broke; without it, what is seen then waits in memory.
        flush_after_s: How long *last seen* may wait in memory: what a power cut may cost of its accuracy.
        floor_bytes: What has to stay free on the volume.
        backlog_file: Where to say what waits in memory, for publish to report; None: nowhere.
        vitals: Tells how the role is; goes along with every transaction.
        longest_pause_s: Between two ticks; after a longer one nobody was looking.

    Attributes:
        flush_after_s: As given; may change while it runs.
        given_up: Records that were lost since the start, because there was no room for them in memory.
    """

    def __init__(
        self,
        journal: Journal,
        watermark_file: Path,
        *,
        reopen: Callable[[str], Journal] | None = None,
        flush_after_s: float = LONGEST_FLUSH_S,
        floor_bytes: int = FREE_FLOOR_BYTES,
        backlog_file: Path | None = None,
        vitals: Callable[[Moment], Vitals] | None = None,
        longest_pause_s: float = LONGEST_PAUSE_S,
    ) -> None:
        self._longest_pause_s = longest_pause_s
        self._ticked: Moment | None = None
        self.flush_after_s = flush_after_s
        self.given_up = 0
        self._vitals = vitals
        self._journal = journal
        # Read once, at the opening: later somebody else may hold the file.
        self._former_life = read_state(journal.states("gateway"), "collect", Heartbeat)
        self._watermark_file = watermark_file
        self._reopen = reopen
        self._floor_bytes = floor_bytes
        self._backlog_file = backlog_file
        self._stuck_since: Moment | None = None
        self._backlog_at: Moment | None = None
        self._tail: deque[Draft] = deque(maxlen=LONGEST_TAIL)
        self._states: dict[tuple[str, str], State] = {}
        self._dropped = 0
        self._stopped = False
        self._trimmed_upto = 0
        self._doubted = False
        self._broken = ""  # how the journal broke, while there is no other one yet
        self._written: Moment | None = None  # a sign of life is on disk since
        self._floor_at: Moment | None = None
        self._clock_unset: Moment | None = None

    @property
    def waiting(self) -> int:
        """How many records wait in memory."""
        return len(self._tail)

    def last_alive(self) -> Moment | None:
        """Return when the last sign of life of an earlier run was written down, as far as the journal knows."""
        return self._former_life.moment if self._former_life else None

    def begin(self, now: Moment, *, assets: int) -> bool:
        """Write down that collect has started, since when it was not looking, and what became of a damaged journal.

        Returns:
            Whether the looks of the run before are all on record: it was told to stop, and nothing became of its journal since.
        """
        heartbeat = self._former_life
        self._tell(None)  # the memory of an earlier run is gone
        drafts = self._former(heartbeat.moment if heartbeat else None, now)
        is_whole = not drafts
        away = at_start(heartbeat, now)
        if away is not None:
            drafts.append(draft("silence", "gateway", away, now.text))
        drafts.append(event("collect.started", f"{assets} assets", now))
        self._clock_unset = now if now.clock is ClockState.UNSYNC else None
        self._ticked = now
        self.record(drafts, [], now)
        return is_whole and (heartbeat is None or heartbeat.stopped)

    def record(self, drafts: Sequence[Draft], states: Sequence[State], now: Moment, *, at_once: bool = False) -> bool:
        """Take records and states; return whether all is on disk now.

        Args:
            drafts: News. Written at once, with all that waited.
            states: The newest of their subjects.
            now: When.
            at_once: Whether the states must not wait for company.
        """
        too_many = max(0, len(self._tail) + len(drafts) - LONGEST_TAIL)
        self._dropped += too_many
        self.given_up += too_many
        self._tail.extend(drafts)
        self._states.update({(state.kind, state.subject): state for state in states})
        if at_once or self._tail or _is_due(self._written, now, self.flush_after_s):
            return self._write(now)
        return not self._states

    def tick(self, now: Moment) -> bool:
        """Do what is due by itself: waiting states, a sign of life, the free space, the word that the clock is right.

        Returns:
            Whether it stood still since the last time: that is written down, and much may be overdue at once.
        """
        away = frozen(self._ticked, now, longest_pause_s=self._longest_pause_s) if self._ticked else None
        self._ticked = now
        if away is not None:
            self.record([draft("silence", "gateway", away, now.text)], [], now)
        if not self._broken and _is_due(self._floor_at, now, FLOOR_EVERY_S):
            self._floor_at = now
            with suppress(OSError, SpoolError):  # a file that cannot be asked says so at the next write
                self._journal.respect(self._floor_bytes)
        mended = clock_mended(self._clock_unset, now) if self._clock_unset else None
        if mended is not None:
            self._clock_unset = None
            self.record([draft("silence", "gateway", mended, now.text)], [], now)
        elif self._tail or _is_due(self._written, now, self.flush_after_s if self._states else HEARTBEAT_S):
            self._write(now)
        return away is not None

    def close(self, now: Moment) -> None:
        """Write down that collect ends here because it was told to, with all that waited, and close the journal."""
        self._stopped = True
        self.record([event("collect.stopped", "", now)], [], now)
        self._journal.close()

    def abandon(self, now: Moment) -> None:
        """Write down what waited and that collect failed, and close the journal: the next start is as careful as after a crash."""
        self.record([event("collect.failed", "", now)], [], now)
        self._journal.close()

    def _write(self, now: Moment) -> bool:
        """Write all that waits in one transaction."""
        if self._broken and not self._opened_again(self._broken, now):
            return self._wait(SpoolDamagedError(self._broken), now)
        for _ in range(MOST_ATTEMPTS):
            try:
                last = self._append(now)
            except SpoolFullError as error:
                if not self._made_room():
                    return self._wait(error, now)
            except SpoolDamagedError as damage:
                if not self._opened_again(str(damage), now):
                    return self._wait(damage, now)
            except (SpoolBusyError, OSError) as error:
                return self._wait(error, now)
            else:
                self._unstuck()
                self._look_back(last, now)
                self._trim()
                return True
        return False

    def _append(self, now: Moment) -> int:
        """Write all that waits; return the number of the last record."""
        confession = [_dropped(self._dropped, self._written or now, now)] if self._dropped else []
        heartbeat = Heartbeat(moment=now, stopped=self._stopped)
        signs: list[tuple[str, msgspec.Struct]] = [("collect", heartbeat)]
        if self._vitals is not None:
            signs.append((VITALS, self._vitals(now)))
        alive = [State(kind="gateway", subject=name, at=now.text, body=msgspec.json.encode(sign)) for name, sign in signs]
        last = self._journal.append([*confession, *self._tail], [*self._states.values(), *alive])
        self._tail.clear()
        self._states.clear()
        self._dropped = 0
        self._written = now
        return last

    def _wait(self, error: Exception, now: Moment) -> bool:
        """Hold what waits in memory, and say so: to the log, and to publish, which cannot see it."""
        self._stuck_since = self._stuck_since or now
        if _is_due(self._backlog_at, now, BACKLOG_EVERY_S):
            self._backlog_at = now
            stuck_s = int(elapsed_s(self._stuck_since, now))
            self._tell(Backlog(held=self.waiting, given_up=self._dropped, stuck_s=stuck_s))
        _log.warning(line("journal.waiting", records=self.waiting, dropped=self._dropped, why=str(error)))
        return False

    def _unstuck(self) -> None:
        if self._stuck_since is not None:
            self._stuck_since = self._backlog_at = None
            self._tell(None)

    def _tell(self, backlog: Backlog | None) -> None:
        if self._backlog_file is not None:
            with suppress(OSError):  # the same disk that does not take the journal: then only the log tells
                write_backlog(self._backlog_file, backlog)

    def _made_room(self) -> bool:
        """Make room in a full journal: what was folded goes first, then the oldest that is not the newest of its subject."""
        try:
            if self._trim(step=1):
                return True
            shed = self._journal.shed()
        except (SpoolError, OSError):
            return False
        if shed:
            _log.error(line("journal.shed", records=shed))
        return shed > 0

    def _opened_again(self, why: str, now: Moment) -> bool:
        """Begin anew with a journal that broke, or was taken away, while it was open; where the disk does not let us, try again later."""
        if self._reopen is None:
            return False
        self._journal.close()
        self._broken = why
        try:
            # What broke and was set aside by an earlier attempt must not be set aside again with what it left to be saved.
            self._journal = self._reopen("" if self._journal.is_gone else why)
        except (SpoolError, OSError) as error:
            _log.error(line("journal.waiting", records=self.waiting, dropped=self._dropped, why=str(error)))
            return False
        self._broken = ""
        _log.error(line("journal.opened-again", why=why))
        self._trimmed_upto = 0
        self._tail.extendleft(reversed(self._former(self._written, now)))
        return True

    def _former(self, heartbeat: Moment | None, now: Moment) -> list[Draft]:
        """Confess what became of the journal before this one, if there was one."""
        mark = read_watermark(self._watermark_file)
        if mark is None or mark.journal_id == self._journal.id or self._journal.recovered or self._journal.last_seq:
            return _recovered(self._journal, heartbeat, now)
        detail = "the journal before this one is gone; nobody knows how many of its records were not folded"
        return [draft("silence", "lost", between(heartbeat or now, now, SilenceReason.LOST, detail), now.text)]

    def _look_back(self, last: int, now: Moment) -> None:
        """Begin anew with a journal that went back in time at work, or before a watermark was there to tell.

        Once in a run: another new journal would not mend it, and the watermark's writer must not be able to wear out the flash.
        """
        mark = read_watermark(self._watermark_file)
        if not self._doubted and went_back(mark, self._journal.id, last):
            self._doubted = True
            self._opened_again(WENT_BACK, now)

    def _trim(self, *, step: int = TRIM_STEP) -> bool:
        """Delete what publish has folded, in steps; return whether anything went. A watermark beyond the end is not believed."""
        mark = read_watermark(self._watermark_file)
        if mark is None or mark.journal_id != self._journal.id or mark.seq - self._trimmed_upto < step:
            return False
        try:
            if mark.seq > self._journal.last_seq:
                return False
            trimmed = self._journal.trim(mark.seq)
        except (SpoolError, OSError):
            return False
        self._trimmed_upto = mark.seq
        return trimmed > 0


def _recovered(journal: Journal, heartbeat: Moment | None, now: Moment) -> list[Draft]:
    """Confess what became of a damaged journal: for a person, and, if something of it is lost, for a machine."""
    recovery = journal.recovered
    if recovery is None:
        return []
    found = [event("journal.damaged", recovery.sentence, now)]
    if recovery.lost != 0:
        detail = "records of a damaged journal" if recovery.lost else "records of a damaged journal; nobody knows how many"
        lost = between(heartbeat or now, now, SilenceReason.LOST, detail, records=recovery.lost or 0)
        found.append(draft("silence", "lost", lost, now.text))
    return found


def _dropped(count: int, since: Moment, now: Moment) -> Draft:
    """Confess records that did not fit in memory while the journal could not be written."""
    detail = "records that did not fit in memory while the journal could not be written"
    return draft("silence", "lost", between(since, now, SilenceReason.LOST, detail, records=count), now.text)


def _is_due(last: Moment | None, now: Moment, every_s: float) -> bool:
    return last is None or elapsed_s(last, now) >= every_s
