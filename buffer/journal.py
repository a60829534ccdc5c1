"""The journal: what was seen, written down before anything is sent.

`Journal` is collect's, the one writer; publish, another user in another process, has `buffer.view`. Decides what is durable; never
looks into a body.

Invariants:
- What `append` returned from survives a kill and a power cut; what it raised from left nothing behind.
- A sequence number is never used twice in the life of a journal, and a new file is a new journal with a new id. So is one that went back in time.

The journal mode is TRUNCATE, not WAL: under WAL a reader of another user could not open the file once the writer has stopped.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from buffer.errors import SpoolDamagedError
from buffer.files import free_bytes, open_or_begin_anew, unsaved
from buffer.limits import MAX_SEQ, allowed_bytes
from buffer.record import Damaged, Draft, Record, State, check, checksum, record_from, state_from
from buffer.salvage import Remains, remains
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
_SHED_SHARE = 16  # of all records, at once: shedding is an event, not a habit


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What became of a journal that was damaged, or went back in time.

    Attributes:
        sentence: For a person.
        lost: Records that were not folded and cannot be read any more; None where nobody knows how many.
    """

    sentence: str
    lost: int | None


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
    def open(cls, path: Path, *, max_bytes: int, watermark_file: Path | None = None, broken: str = "") -> Self:
        """Open the journal; make it if there is none, set it aside and begin anew if it is damaged or went back in time.

        What can be read of it, and was not folded yet, is the beginning of the new one.

        Args:
            path: The file. Its directory is made with mode 0750, the file with 0640.
            max_bytes: Cap of the file, at least `limits.MIN_FILE_BYTES`. While it is written, a rollback journal comes on top.
            watermark_file: Tells what was folded; without it nothing was.
            broken: How it broke while it was open: such a file is not trusted again. Empty for any other start.

        Raises:
            SpoolBusyError: Another process holds it.
            SpoolNewerError: A later version of this program wrote it.
            OSError: It cannot be made or opened.
            ValueError: `max_bytes` is too small.
        """
        saved: list[Recovery] = []

        def opener() -> tuple[Store, str]:
            return _open(path, max_bytes, lambda store: saved.extend(_save(path, store, watermark_file)), watermark_file)

        store, journal_id = open_or_begin_anew(path, opener, broken=broken)
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

        Raises:
            OSError: The volume cannot be asked.
        """
        path = self._store.path
        self._store.limit(allowed_bytes(self._max_bytes, path.stat().st_size, free_bytes(path), floor_bytes))

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


def _save(path: Path, new: Store, watermark_file: Path | None) -> Iterator[Recovery]:
    """Begin a journal with what can be read of the one that was set aside for it, if one was."""
    found = unsaved(path)
    if found is None:
        return
    aside, cause = found
    with remains(aside) as old:
        counter = old.last_key("record")
        mark = _mark_of(old, watermark_file)
        # Of one that went back in time nobody knows which records were folded: twice is better than never.
        folded = mark if counter is None or mark <= counter else 0
        numbers = old.keys("record", "seq", after=folded, upto=MAX_SEQ)
        records = {seq: row for seq in numbers for row in _saved_record(old, seq)}
        numbers = old.keys("state", "number", after=0, upto=MAX_SEQ)
        states = [row for number in numbers for row in _saved_state(old, number)]
        new.run_many(_APPEND, (_record_row(seq, draft) for seq, draft in enumerate(records.values(), 1)))
        new.run_many(_REPLACE, map(_state_row, states))
    # A counter behind a record that can be believed, or behind what was folded, counts nothing.
    lost = None if counter is None or counter < max([mark, *records]) else max(0, counter - folded - len(records))
    sentence = (
        f"{path.name} was damaged and is kept as {aside.name}; a new one was begun with {len(records)} records and "
        f"{len(states)} states of it. {'An unknown number of' if lost is None else lost} records are lost. Cause: {cause}"
    )
    yield Recovery(sentence=sentence, lost=lost)


def _mark_of(old: Remains, watermark_file: Path | None) -> int:
    mark = read_watermark(watermark_file) if watermark_file else None
    return mark.seq if mark and [(mark.journal_id,)] == old.rows("SELECT id FROM journal LIMIT 2") else 0


def _saved_record(old: Remains, seq: int) -> Iterator[Draft]:
    for row in old.rows(RECORD, (seq,)):
        match record_from(seq, row):
            case Record(kind=kind, subject=subject, at=at, body=body):
                yield Draft(kind=kind, subject=subject, at=at, body=body)
            case Damaged():
                return


def _saved_state(old: Remains, number: int) -> Iterator[State]:
    for row in old.rows(_STATE, (number,)):
        state = state_from(row)
        if state is not None:
            yield state


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
