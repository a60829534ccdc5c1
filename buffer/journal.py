"""The journal: what was seen, written down before anything is sent.

`Journal` is collect's, the one writer; publish, another user in another process, has `buffer.view`. Decides what is durable; never
looks into a body.

Invariants:
- What `append` returned from survives a kill and a power cut; what it raised from left nothing behind.
- A sequence number is never used twice in the life of a journal, and a new file is a new journal with a new id. So is one that went back in time.

The journal mode is TRUNCATE, not WAL: under WAL a reader of another user could not open the file once the writer has stopped.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from buffer.aside import forget_copies, open_or_begin_anew, room_for, unsaved
from buffer.carry import Recovery, carried_over
from buffer.errors import SpoolDamagedError
from buffer.record import Draft, State, check, checksum, state_from
from buffer.store import Layout, Store, closed_on_error, open_file
from buffer.watermark import Watermark, read_watermark

LAYOUT = Layout(schema="journal", directory_mode=0o750, file_mode=0o640, settings=("journal_mode = TRUNCATE",))

_APPEND = "INSERT INTO record (seq, kind, subject, at, body, crc) VALUES (?, ?, ?, ?, ?, ?)"
_REPLACE = (
    "INSERT INTO state (kind, subject, at, body, crc) VALUES (?, ?, ?, ?, ?) ON CONFLICT (kind, subject) "
    "DO UPDATE SET at = excluded.at, body = excluded.body, crc = excluded.crc"
)
RECORD = "SELECT kind, subject, at, body, crc FROM record WHERE seq = ?"
_STATE = "SELECT kind, subject, at, body, crc FROM state WHERE number = ?"

# Everything but the newest record of each kind and subject, oldest first.
_SHED = (
    "DELETE FROM record WHERE seq IN (SELECT seq FROM record WHERE seq NOT IN "
    "(SELECT max(seq) FROM record GROUP BY kind, subject) ORDER BY seq LIMIT (SELECT count(*) / ? + 1 FROM record))"
)
_room_for = partial(room_for, log_bytes=65_536)  # of a rollback journal, for a transaction as collect makes them
_SHED_SHARE = 16  # of all records, at once: shedding is an event, not a habit


class Journal:
    """The journal as its one writer has it.

    Attributes:
        id: 32 hexadecimal digits, random, made with the file.
        recovered: What happened to a damaged file at opening; None if nothing did.
    """

    def __init__(self, store: Store, journal_id: str, recovered: Recovery | None, max_bytes: int) -> None:
        self.id = journal_id
        self.recovered = recovered
        self._store = store
        self._max_bytes = max_bytes

    @classmethod
    def open(
        cls, path: Path, *, max_bytes: int, watermark_file: Path | None = None, floor_bytes: int = 0, broken: str = ""
    ) -> Self:
        """Open the journal; make it if there is none, set it aside and begin anew if it is damaged or went back in time.

        What can be read of it, and was not folded yet, is the beginning of the new one. Where there is no room for all of it, all
        states come first, and of the records the newest.

        Args:
            path: The file. Its directory is made with mode 0750, the file with 0640.
            max_bytes: Cap of the file, at least `limits.MIN_FILE_BYTES`. While it is written, a rollback journal comes on top.
            watermark_file: Tells what was folded; without it nothing was.
            floor_bytes: What has to stay free on the volume.
            broken: How it broke while it was open: such a file is not trusted again. Empty for any other start.

        Raises:
            SpoolBusyError: Another process holds it.
            SpoolNewerError: A later version of this program wrote it.
            SpoolFullError: Not even an empty one has room.
            OSError: It cannot be made or opened.
            ValueError: `max_bytes` is too small.
        """
        saved: list[Recovery] = []

        def opener(saving_bytes: int) -> tuple[Store, str]:
            def begin(store: Store) -> None:
                found = carried_over(path, watermark_file, saving_bytes)
                if found is not None:
                    store.run_many(_APPEND, (_record_row(seq, draft) for seq, draft in enumerate(found.records, 1)))
                    store.run_many(_REPLACE, map(_state_row, found.states))
                    saved.append(found.recovery)

            found = unsaved(path)
            return _open(
                path,
                _room_for(path, found[0] if found else None, max_bytes=max_bytes, floor_bytes=floor_bytes),
                begin,
                watermark_file,
            )

        store, journal_id = open_or_begin_anew(path, opener, saving_bytes=max_bytes, floor_bytes=floor_bytes, broken=broken)
        return cls(store, journal_id, saved[-1] if saved else None, max_bytes)

    @property
    def last_seq(self) -> int:
        """The sequence of the newest record ever appended; 0 before the first."""
        return self._store.last_key("record")

    @property
    def is_gone(self) -> bool:
        """Whether the file that was opened is not in its place any more."""
        return self._store.is_gone()

    def append(self, drafts: Sequence[Draft], states: Sequence[State] = ()) -> int:
        """Write records and states in one transaction; they are durable on return.

        Returns:
            The sequence of the last record; without drafts, of the newest one there is.

        Raises:
            SpoolFullError: There is no room. Nothing was written.
            SpoolBusyError: A reader held the file too long. Nothing was written.
            SpoolDamagedError: The file broke since it was opened; open it again.
            OSError: The disk failed. Nothing was written.
            ValueError: A draft or state breaks a bound of `buffer.limits`.
        """
        items: list[Draft | State] = [*drafts, *states]
        for item in items:
            check(item)
        with self._store.transaction():
            first = self.last_seq + 1
            self._store.run_many(_APPEND, (_record_row(seq, draft) for seq, draft in enumerate(drafts, first)))
            self._store.run_many(_REPLACE, map(_state_row, states))
        return first - 1 + len(drafts)

    def states(self, kind: str) -> dict[str, State]:
        """Return the newest state of each subject. One that cannot be believed is left out: as if it had never been seen.

        Raises:
            SpoolBusyError: A reader held the file too long.
            SpoolDamagedError: The file broke since it was opened; open it again.
        """
        with self._store.transaction("DEFERRED"):
            return _states(self._store, kind)

    def trim(self, upto: int) -> int:
        """Delete records that were folded; return how many.

        Args:
            upto: The watermark's sequence; this one goes too.

        Raises:
            SpoolBusyError: A reader held the file too long. Nothing was deleted.
            SpoolDamagedError: The file broke since it was opened; open it again.
        """
        with self._store.transaction():
            return self._store.run("DELETE FROM record WHERE seq <= ?", (upto,))

    def shed(self) -> int:
        """Delete the oldest sixteenth of the records, but never the newest of a kind and subject; return how many went.

        For a journal that is full because nobody folds it. The sequence tells its reader that they are gone.

        Raises:
            SpoolBusyError: A reader held the file too long. Nothing was deleted.
            SpoolDamagedError: The file broke since it was opened; open it again.
            OSError: The disk failed. Nothing was deleted.
        """
        with self._store.transaction():
            return self._store.run(_SHED, (_SHED_SHARE,))

    def respect(self, floor_bytes: int) -> None:
        """Do not let the file grow into the last `floor_bytes` of its volume; let it grow again once there is room.

        Files that were set aside go for that.

        Raises:
            OSError: The volume cannot be asked.
        """
        path = self._store.path
        forget_copies(path, floor_bytes=floor_bytes)
        self._store.limit(_room_for(path, None, max_bytes=self._max_bytes, floor_bytes=floor_bytes))

    def close(self) -> None:
        """Close the file. Closing twice is harmless."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        self.close()


def _open(path: Path, max_bytes: int, begin: Callable[[Store], None], watermark_file: Path | None) -> tuple[Store, str]:
    store = open_file(path, LAYOUT, max_bytes=max_bytes, begin=begin)
    with closed_on_error(store):
        last = store.last_key("record")
        # A counter behind its table would give a number twice.
        if store.rows("SELECT 1 FROM record WHERE seq > ? LIMIT 1", (last,)):
            raise SpoolDamagedError(f"{path}: its counter is behind its records")
        own_id = journal_id(store)
        mark = read_watermark(watermark_file) if watermark_file else None
        if went_back(mark, own_id, last):
            raise SpoolDamagedError(f"{path}: {WENT_BACK}")
        return store, own_id


WENT_BACK = "it went back in time: more of it was folded than it holds"


def went_back(mark: Watermark | None, journal_id: str, last: int) -> bool:
    """Tell whether a journal is an earlier one than its watermark speaks of: a copy that was put back.

    It would give numbers again that its reader has folded, and the reader would never ask for them. The watermark is another user's,
    who may lie: then a journal is begun anew for nothing, with all records and states of the old one. A lie with a number that the
    journal has reached costs more, its records, and so does anything else that makes the reader not read.
    """
    return mark is not None and mark.journal_id == journal_id and mark.seq > last


def journal_id(store: Store) -> str:
    """Return the id of a journal.

    Raises:
        SpoolDamagedError: It has none.
    """
    match store.rows("SELECT id FROM journal LIMIT 2"):
        case [(str(journal_id),)] if len(journal_id) == 32 and set(journal_id) <= set("0123456789abcdef"):
            return journal_id
        case _:
            raise SpoolDamagedError(f"{store.path}: it has no id")


def _states(store: Store, kind: str) -> dict[str, State]:
    # In the order of writing, so that the newest wins: a bit flipped in the index can leave a subject with two rows.
    # SQLite sorts all rows of the kind for this: only for a file of our own.
    numbers = store.rows("SELECT number FROM state WHERE kind = ? ORDER BY number", (kind,))
    found = (state_at(store, number) for (number,) in numbers if isinstance(number, int))
    return {state.subject: state for state in found if state is not None and state.kind == kind}


def state_at(store: Store, number: int) -> State | None:
    """Read one state by its number; None if it cannot be believed."""
    try:
        rows = store.rows(_STATE, (number,))
    except SpoolDamagedError:
        return None
    return state_from(rows[0]) if rows else None


def _record_row(seq: int, draft: Draft) -> tuple[int | str | bytes, ...]:
    columns = (seq, draft.kind, draft.subject, draft.at, draft.body)
    return (*columns, checksum(*columns))


def _state_row(state: State) -> tuple[int | str | bytes, ...]:
    columns = (state.kind, state.subject, state.at, state.body)
    return (*columns, checksum(0, *columns))
