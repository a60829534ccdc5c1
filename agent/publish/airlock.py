"""Looking into the journal, which another user writes, without ever having to wait for it.

Decides how long a look may take. Never judges what it finds, never writes, and never lets go of more than one thread.

The journal is hostile input, and not every trick with a file can be refused beforehand: a pipe that is put in the place of the
file, or of its rollback journal, between our look at the name and SQLite's opening of it keeps whoever opens it waiting for
ever. So a thread of its own looks, one look at a time. A look that does not end costs that thread and the news of the journal,
which the same user could withhold anyway; delivery goes on, and so does the end of the process, which waits for no daemon thread.
That nothing is heard is said, and after a while only a new process can hear again: `agent.core.hearing` decides when.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as LookTimeoutError
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from agent.publish.survey import Survey, survey
from buffer.errors import SpoolBusyError, SpoolError
from buffer.record import Damaged, Record
from buffer.view import JournalView
from buffer.watermark import Watermark

MOST_RECORDS = 100
MOST_BYTES = 1_048_576
MOST_STATES = 20_016
"""Of 10,000 assets: two of each, and a few of the gateway's own."""

MOST_STATE_BYTES = 33_554_432
"""Of all states together. One of an asset takes 0.9 to 3.4 KB in the demonstration's plant, with its endpoint's: so 5,000 assets take
10 to 18 MB, and there is room for twice as much. They are read one at a time; what this bounds is the work of a look."""

LONGEST_LOOK_S = 5.0
"""A look takes milliseconds, and half a second where the writer holds the file."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one look brought.

    Attributes:
        journal_id: Which journal.
        records: The next records in order, at most `MOST_RECORDS` and about `MOST_BYTES`.
        survey: What the newest states say, if they were asked for.
    """

    journal_id: str
    records: list[Record | Damaged]
    survey: Survey | None


class Airlock(Generic[_T]):
    """Runs one thing at a time in a thread that nobody has to wait for."""

    def __init__(self) -> None:
        self._current: Future[_T] | None = None

    @property
    def stuck(self) -> bool:
        """Whether a look has not come back."""
        return self._current is not None and not self._current.done()

    def start(self, work: Callable[[], _T]) -> Future[_T]:
        """Begin a look.

        Raises:
            SpoolBusyError: The one before has not come back.
        """
        if self.stuck:
            raise SpoolBusyError("an earlier look into the journal has not come back")
        future: Future[_T] = Future()
        future.set_running_or_notify_cancel()  # it cannot be taken back: who gives up waiting leaves it alone
        self._current = future
        threading.Thread(target=_run, args=(future, work), name="journal", daemon=True).start()
        return future


def wait(future: "Future[_T]", within_s: float = LONGEST_LOOK_S) -> _T:
    """Return what a look brought.

    Raises:
        SpoolBusyError: It did not come back in time.
        SpoolError: What the look itself found.
    """
    try:
        return future.result(within_s)
    except LookTimeoutError as error:
        raise SpoolBusyError(f"a look into the journal took longer than {within_s:.0f} s") from error


def look(journal: Path, mark: Watermark, *, states: bool) -> Batch:
    """Read what comes after a watermark, or from the beginning if it speaks of another journal.

    Raises:
        SpoolError: It cannot be read now, or is not what a `Journal` writes.
    """
    with JournalView.open(journal) as view:
        after = mark.seq if mark.journal_id == view.id else 0
        records = view.read(after, max_records=MOST_RECORDS, max_bytes=MOST_BYTES)
        found = survey(view.states(max_records=MOST_STATES, max_bytes=MOST_STATE_BYTES)) if states else None
        return Batch(journal_id=view.id, records=records, survey=found)


def _run(future: "Future[_T]", work: Callable[[], _T]) -> None:
    try:
        future.set_result(work())
    except (SpoolError, OSError, ValueError, MemoryError) as error:
        future.set_exception(error)
    finally:
        if not future.done():  # a bug of ours: its trace is in the log, and nobody waits for ever
            future.set_exception(SpoolBusyError("the look into the journal failed"))
