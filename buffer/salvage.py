"""What can still be read of a damaged file, row by row.

Decides nothing about a row: each one carries its checksum, and who asked judges it. Never changes the file, which is kept for
whoever looks for the cause, never raises for what it holds, and never tries for ever.

A damaged page takes the rows on it. Asking for one key after another, and stepping over those that cannot be reached, leaves
the loss at that: SQLite finds every row whose own pages are sound.
"""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from buffer.errors import SpoolDamagedError, SpoolError
from buffer.store import Store, Value, open_remains

MOST_STEPS = 100_000  # into the dark, one key at a time: a second's work


class Remains:
    """A damaged file, for reading."""

    def __init__(self, store: Store | None) -> None:
        self._store = store
        self._steps_left = MOST_STEPS

    def last_key(self, table: str) -> int | None:
        """Return the highest key that a table ever gave, or None if that cannot be read any more."""
        try:
            return self._store.last_key(table) if self._store else None
        except (SpoolError, OSError):
            return None

    def rows(self, question: str, values: tuple[Value, ...] = ()) -> list[tuple[object, ...]]:
        """Return all rows of the answer, or none if there is no answer any more."""
        try:
            return self._store.rows(question, values) if self._store else []
        except (SpoolError, OSError):
            return []

    def keys(self, table: str, key: str, *, after: int, upto: int) -> Generator[int, None, None]:
        """Yield the keys of a table in order, stepping over those that cannot be reached."""
        if self._store is None:
            return
        question = f"SELECT {key} FROM {table} WHERE {key} > ? AND {key} <= ? ORDER BY {key} LIMIT 1"  # noqa: S608  # names of ours
        while after < upto:
            try:
                found = self._store.rows(question, (after, upto))
            except SpoolDamagedError:
                after += 1
                self._steps_left -= 1
                if self._steps_left <= 0:
                    return
                continue
            except (SpoolError, OSError):
                return
            match found:
                case [(int(number),)] if number > after:
                    yield number
                    after = number
                case _:
                    return


@contextmanager
def remains(path: Path) -> Generator[Remains, None, None]:
    """Open what is left of a file; of one that cannot be opened at all, nothing is."""
    store = None
    try:
        if path.is_file() and not path.is_symlink() and path.stat().st_size:  # one that was given up is empty
            store = open_remains(path)
    except (SpoolError, OSError):
        store = None
    try:
        yield Remains(store)
    finally:
        if store is not None:
            store.close()
