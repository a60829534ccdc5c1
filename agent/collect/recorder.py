"""Between the look and the journal: nothing seen is forgotten because the file is busy for a moment.

Decides what waits in memory while the journal cannot be written, and when folded records are trimmed. Never waits itself: a
reader that holds the file must not hold up a device. What no longer fits in memory is counted, and the count is written down.
"""

from collections import deque
from collections.abc import Sequence
from pathlib import Path

import msgspec

from agent.core.moment import Moment
from agent.core.observation import Event
from agent.log import line, logger
from buffer.errors import SpoolBusyError, SpoolFullError
from buffer.journal import Journal
from buffer.record import Draft, State
from buffer.watermark import read_watermark

LONGEST_TAIL = 1000
"""Records held in memory while the journal cannot be written: days of changes, at most a few megabytes."""

TRIM_STEP = 100
"""Folded records that may lie in the journal before a transaction is spent on them. Flash wears out; space is cheap."""

_log = logger("collect")


class Recorder:
    """Writes observations, changes and states in one transaction each, and keeps them while it cannot."""

    def __init__(self, journal: Journal, watermark_file: Path) -> None:
        self._journal = journal
        self._watermark_file = watermark_file
        self._tail: deque[Draft] = deque(maxlen=LONGEST_TAIL)
        self._states: dict[tuple[str, str], State] = {}
        self._dropped = 0
        self._trimmed_upto = 0

    @property
    def waiting(self) -> int:
        """How many records wait in memory."""
        return len(self._tail)

    def record(self, drafts: Sequence[Draft], states: Sequence[State], now: Moment) -> bool:
        """Write records and states, with all that waited; return whether they are on disk now."""
        self._dropped += max(0, len(self._tail) + len(drafts) - LONGEST_TAIL)
        self._tail.extend(drafts)
        self._states.update({(state.kind, state.subject): state for state in states})
        confession = [_dropped(self._dropped, now)] if self._dropped else []
        try:
            self._journal.append([*confession, *self._tail], list(self._states.values()))
        except (SpoolBusyError, SpoolFullError, OSError) as error:
            _log.warning(line("journal.waiting", records=self.waiting, dropped=self._dropped, why=str(error)))
            self._trim()  # a journal that filled up while publish was away has room again once it was folded
            return False
        self._tail.clear()
        self._states.clear()
        self._dropped = 0
        self._trim()
        return True

    def _trim(self) -> None:
        """Delete what publish has folded, in steps."""
        mark = read_watermark(self._watermark_file)
        if mark is None or mark.journal_id != self._journal.id or mark.seq - self._trimmed_upto < TRIM_STEP:
            return
        try:
            self._journal.trim(mark.seq)
        except (SpoolBusyError, OSError):
            return
        self._trimmed_upto = mark.seq


def draft(kind: str, subject: str, body: msgspec.Struct, at: str) -> Draft:
    """Make a record of a document of ours."""
    return Draft(kind=kind, subject=subject, at=at, body=msgspec.json.encode(body))


def _dropped(count: int, now: Moment) -> Draft:
    """Confess records that did not fit in memory while the journal could not be written."""
    event = Event(
        name="collect.dropped", at=now.text, moment=now, detail=f"{count} records, while the journal could not be written"
    )
    return draft("event", "gateway", event, now.text)
