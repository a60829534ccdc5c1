"""The journal as another user reads it: hostile input, in a file that somebody else writes meanwhile.

Decides what a reader believes, and how much it takes into memory at once. Never writes, never looks into a body, and never makes
the writer wait for longer than one small question.

Invariants:
- A view steps over a record that it cannot believe and never meets it again; it cannot write, and it cannot be kept busy.
- Every question asks by key, in the order of the key, with a limit: a file of any size costs no more than its answer.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from buffer.errors import SpoolBusyError, SpoolDamagedError
from buffer.files import identity_of
from buffer.journal import LAYOUT, RECORD, journal_id, state_at
from buffer.limits import MAX_SEQ
from buffer.record import Damaged, LeftOut, Record, State, record_from
from buffer.store import Store, closed_on_error, open_view

_BLOCK_RECORDS = 200
_BLOCK_BYTES = 1024 * 1024


class JournalView:
    """The journal as another user sees it: read-only, bounded, strictly decoded.

    A view that raised a `SpoolError` has closed itself and so holds no lock: wait, and open another one.

    Attributes:
        id: 32 hexadecimal digits. Another id is another journal, whose sequence begins anew.
    """

    def __init__(self, store: Store, identity: tuple[int, int] | None) -> None:
        self._store = store
        self._identity = identity
        with self._asking():
            self.id = journal_id(store)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the journal to read it. Takes no longer than `store.READER_WAIT_S` when somebody holds it.

        Raises:
            SpoolBusyError: It is not there yet, is held, or must be recovered by its writer first.
            SpoolDamagedError: It is not what a `Journal` writes.
            SpoolNewerError: A later version of this program wrote it.
        """
        try:
            identity = identity_of(path)
            if identity is None:  # a pipe would keep us waiting, a link would lead us elsewhere
                raise SpoolDamagedError(f"{path} is not a regular file")
            store = open_view(path)
        except OSError as error:
            raise SpoolBusyError(f"{path} cannot be opened yet: {error.strerror}") from error
        return cls(store, identity)

    def read(self, after: int, *, max_records: int, max_bytes: int) -> list[Record | Damaged]:
        """Return the next records in order. No lock is held on return.

        Args:
            after: The sequence read last, 0 at the beginning.
            max_records: At most this many, 1 or more.
            max_bytes: At most this many bytes of bodies, but always one record, so that reading never stands still.

        Returns:
            Records and, in their places, `Damaged` for what cannot be believed. Sequences increase. A jump is for the caller
            to judge: the records between are gone.

        Raises:
            SpoolBusyError: The writer holds it, has replaced it, or must recover it first.
            SpoolDamagedError: Its structure, or its sequence, is not what a `Journal` writes.
            SpoolNewerError: A later version of this program wrote it.
        """
        found: list[Record | Damaged] = []
        with self._asking():
            for seq in self._sequences(after, max_records):
                entry = _record(self._store, seq)
                max_bytes -= len(entry.body) if isinstance(entry, Record) else 0
                if max_bytes < 0 and found:
                    break
                found.append(entry)
        return found

    def states(self, *, max_records: int, max_bytes: int) -> Iterator[State | LeftOut]:
        """Yield the newest state of each kind and subject, in the order of writing, one after the other.

        Only a small block of them is in memory at a time, and no lock is held while the caller looks at one: so a plant of any
        size costs its reader little, and its writer waits for a block. One that cannot be believed is left out: as if it had
        never been written. A bit flipped in the index can leave a subject with two states: the later one holds.

        Args:
            max_records: At most this many, of all kinds together, those that cannot be believed included.
            max_bytes: At most this many bytes of bodies.

        Yields:
            States; and, where a bound ended the answer, `LeftOut` as the last word. Raises as `read` does.
        """
        after, room = 0, max_bytes
        while True:
            with self._asking():
                block = list(self._block(after))
            if not block:
                return
            for number, state in block:
                max_records -= 1
                room -= len(state.body) if state else 0
                if max_records < 0 or room < 0:
                    what = f"more than {max_bytes} bytes of states" if room < 0 else "too many states"
                    yield LeftOut(reason=f"the journal holds {what}: the rest was not looked at")
                    return
                if state:
                    yield state
                after = number

    def close(self) -> None:
        """Close the file. Closing twice is harmless."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def _asking(self) -> Generator[None, None, None]:
        """One question to the file that was opened, if it still is the journal."""
        path = self._store.path
        with closed_on_error(self._store):
            try:
                if identity_of(path) != self._identity:
                    raise SpoolBusyError(f"{path} was replaced since it was opened: open it again")
                with self._store.question(LAYOUT):
                    yield
            except OSError as error:
                raise SpoolBusyError(f"{path} cannot be read now: {error.strerror}") from error

    def _block(self, after: int) -> Iterator[tuple[int, State | None]]:
        """Yield the next states by number, as many as are held in memory at once; always one."""
        room = _BLOCK_BYTES
        for number in self._increasing(
            "SELECT number FROM state WHERE number > ? ORDER BY number LIMIT ?", after, _BLOCK_RECORDS
        ):
            state = state_at(self._store, number)
            yield number, state
            room -= len(state.body) if state else 0
            if room < 0:
                return

    def _sequences(self, after: int, max_records: int) -> Iterator[int]:
        return self._increasing("SELECT seq FROM record WHERE seq > ? ORDER BY seq LIMIT ?", after, max_records)

    def _increasing(self, question: str, after: int, limit: int) -> Iterator[int]:
        """Yield the keys of a table in their order. Asked by key, so that SQLite reads no more rows than the limit and sorts none."""
        for (key,) in self._store.rows(question, (after, limit)):
            if not isinstance(key, int) or not after < key <= MAX_SEQ:
                raise SpoolDamagedError(f"{self._store.path}: its sequence does not increase, or has run out")
            after = key
            yield key


def _record(store: Store, seq: int) -> Record | Damaged:
    """Read one record by its number: what is wrong with one row then stays with that row."""
    try:
        rows = store.rows(RECORD, (seq,))
    except SpoolDamagedError as damage:  # too long for its bound, not UTF-8, a broken page
        return Damaged(seq=seq, reason=str(damage))
    return record_from(seq, rows[0]) if rows else Damaged(seq=seq, reason="it is listed, and not there")
