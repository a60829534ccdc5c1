"""One connection to one file of the spool. The only module that knows SQLite.

Decides how a file is opened, when it is believed to be ours, and which of our errors an error of SQLite is. Never knows what
a row means. Two ways in:

- `open_file` for the file's one writer: makes it, checks every page, keeps our own limit below the disk's.
- `open_view` for a reader of another user, to whom the file is hostile input: nothing can be written, nothing in the file is
  executed, no shared memory is mapped, every value and the work of a question are bounded.

Statements are text of ours; every value is a parameter.
Source: https://sqlite.org/security.html section 1.2 (untrusted files), https://sqlite.org/pragma.html.
"""

import errno
import os
import sqlite3
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from buffer.errors import SpoolBusyError, SpoolDamagedError, SpoolError, SpoolFullError
from buffer.files import identity_of, make_directory, make_file
from buffer.limits import MAX_BODY_BYTES, MAX_SEQ, PAGE_BYTES, pages_within
from buffer.record import Row
from buffer.shape import EMPTY, Shape, expect
from buffer.versions import scripts
from buffer.volume import failed, refused

Value = int | str | bytes

WRITER_WAIT_S = 1.0  # a reader's question lasts milliseconds; longer means that somebody holds the file
READER_WAIT_S = 0.5  # the writer's transaction, with its syncs on a slow card

_GUARDS = (
    "trusted_schema = OFF",
    "cell_size_check = ON",
    "mmap_size = 0",  # a file truncated under a mapping would end the process
    "temp_store = MEMORY",
    "cache_size = -512",  # KiB
    "secure_delete = OFF",  # what is deleted was delivered; zeroing it would only wear the flash
)
_WRITER_GUARDS = (f"page_size = {PAGE_BYTES}", "synchronous = FULL")
# First of all: most settings read the file, and the index of a WAL is then kept in our memory, not in a shared file, for which a full
# volume has no room.
_ALONE = ("locking_mode = EXCLUSIVE",)
_VIEW_GUARDS = ("query_only = ON",)
_VIEW_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: MAX_BODY_BYTES + 4096,  # one value, one row
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 4096,
    sqlite3.SQLITE_LIMIT_COLUMN: 16,
    sqlite3.SQLITE_LIMIT_VDBE_OP: 1024,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 1,
}
_PAGES_TO_MIGRATE = 64  # beyond the cap: a full file has to become the next version too, or it could never be emptied
_STEPS_TO_KNOW_A_FILE = 20_000  # of SQLite's machine; ours take a hundred, and 200 000 tables took a minute

# At most 16 objects are looked at: ours have five at most, and a file that has more is not ours.
_OBJECTS = "SELECT type, name, tbl_name, sql FROM sqlite_schema LIMIT 16"

# What an error of SQLite is to us, by its primary code; whatever is not listed here is damage.
_ERRORS: dict[int, type[SpoolError | ValueError]] = {
    sqlite3.SQLITE_FULL: SpoolFullError,
    sqlite3.SQLITE_BUSY: SpoolBusyError,
    sqlite3.SQLITE_LOCKED: SpoolBusyError,
    sqlite3.SQLITE_CONSTRAINT: ValueError,
}
_ERRNOS = {
    sqlite3.SQLITE_IOERR: errno.EIO,
    sqlite3.SQLITE_CANTOPEN: errno.EIO,
    sqlite3.SQLITE_PERM: errno.EACCES,
    sqlite3.SQLITE_READONLY: errno.EACCES,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a file of the spool is.

    Attributes:
        schema: Name of its folder in `buffer/schema`.
        directory_mode: Mode of its directory, if that has to be made.
        file_mode: Mode of the file, when it is made.
        settings: How its writer runs it.
        alone: Whether its writer is its only user, and holds it for as long as it is open.
    """

    schema: str
    directory_mode: int
    file_mode: int
    settings: tuple[str, ...]
    alone: bool = False


class Store:
    """One connection. Every error that leaves it is one of ours, an `OSError`, or a `ValueError`: our bug."""

    def __init__(self, path: Path, address: str, wait_s: float) -> None:
        self.path = path
        self.identity: tuple[int, int] | None = None  # of a writer's file: a file that was taken away takes nothing more
        with _our_errors(path):
            self._connection = sqlite3.connect(address, uri=True, timeout=wait_s, isolation_level=None)

    def run(self, statement: str, values: tuple[Value, ...] = ()) -> int:
        """Run one statement; return how many rows it changed."""
        with _our_errors(self.path):
            return self._connection.execute(statement, values).rowcount

    def run_many(self, statement: str, rows: Iterable[tuple[Value, ...]]) -> int:
        """Run one statement for each row; return how many rows were changed."""
        with _our_errors(self.path):
            return self._connection.executemany(statement, rows).rowcount

    def rows(self, question: str, values: tuple[Value, ...] = ()) -> list[Row]:
        """Return all rows of the answer. The question is finished then: an open one would hold a lock, or make a WAL grow."""
        with _our_errors(self.path):
            return self._connection.execute(question, values).fetchall()

    @contextmanager
    def transaction(self, mode: str = "IMMEDIATE") -> Generator[None, None, None]:
        """Make the statements inside happen together, durably, or not at all."""
        if self.identity is not None and self.is_gone():
            raise SpoolDamagedError(f"{self.path} was taken away or replaced since it was opened")
        self.run(f"BEGIN {mode}")
        try:
            yield
            self.run("COMMIT")
        finally:
            if self._connection.in_transaction:
                self.run("ROLLBACK")

    @contextmanager
    def rehearsal(self) -> Generator[None, None, None]:
        """Try the statements inside, and take them back. A commit, even of nothing, would have to wait for every reader."""
        self.run("BEGIN DEFERRED")
        try:
            yield
        finally:
            if self._connection.in_transaction:
                self.run("ROLLBACK")

    @contextmanager
    def question(self, layout: Layout) -> Generator[None, None, None]:
        """Ask a file that another user writes: one consistent moment of it, verified to be ours before anything is asked.

        After an error the connection may still hold its lock and must be closed.
        """
        self._beware()
        with self.transaction("DEFERRED"):
            expect(_shape_of(self), _shapes(layout.schema), self.path)
            # Known now, and kept from changing by our lock: every question that follows is bounded by its own LIMIT, as each asks
            # by key and in the order of the key. One that SQLite has to sort first would read every row.
            self._connection.set_progress_handler(None, 0)
            yield
        self.run("PRAGMA locking_mode = NORMAL")
        self.rows("PRAGMA schema_version")  # the lock goes with the first access after it was made normal

    def limit(self, max_bytes: int) -> None:
        """Let the file grow to `max_bytes` from now on; one that is larger stays, and does not grow."""
        self.rows(f"PRAGMA max_page_count = {pages_within(max_bytes)}")

    def last_key(self, table: str) -> int:
        """Return the highest key that a table ever gave, 0 if none."""
        match self.rows("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)):
            case []:
                return 0
            case [(int(key),)] if 0 <= key < MAX_SEQ:
                return key
            case _:
                raise SpoolDamagedError(f"{self.path}: the counter of {table} is out of range")

    def close(self) -> None:
        """Close the connection. Closing twice is harmless."""
        self._connection.close()

    def is_gone(self) -> bool:
        """Tell whether the file that was opened is not in its place any more."""
        try:
            return identity_of(self.path) != self.identity
        except FileNotFoundError:
            return True

    def harden(self, *, exclusive: bool) -> None:
        """Bound what a hostile file can make this connection do. Comes first: some of these settings already read the file."""
        for limit, value in _VIEW_LIMITS.items():
            self._connection.setlimit(limit, value)
        if exclusive:
            self._beware()
        for guard in (*_GUARDS, *_VIEW_GUARDS):
            self.run(f"PRAGMA {guard}")

    def _beware(self) -> None:
        """Prepare to touch a file of which nothing is known yet."""
        self._connection.set_progress_handler(lambda: True, _STEPS_TO_KNOW_A_FILE)
        # In exclusive mode SQLite refuses a file that was switched to WAL, instead of mapping memory that its writer shares.
        self.run("PRAGMA locking_mode = EXCLUSIVE")


def open_file(path: Path, layout: Layout, *, max_bytes: int, begin: Callable[[Store], None] = lambda _: None) -> Store:
    """Open a file as its one writer; make it if there is none.

    Args:
        path: The file; its directory is made if needed.
        layout: What it is.
        max_bytes: Cap of the file, at least `limits.MIN_FILE_BYTES`. A larger file stays, and does not grow.
        begin: What a new file begins with, in the transaction that makes it: there is no moment at which it is half of that.

    Raises:
        SpoolDamagedError: It is not what this program wrote.
        SpoolNewerError: A later version of this program wrote it.
        SpoolBusyError: Another process holds it, and it is new, of an older version, or was left in the middle of a transaction;
            what is whole is opened whoever reads it.
        OSError: It cannot be made or opened.
    """
    pages = pages_within(max_bytes)
    make_directory(path.parent, layout.directory_mode)
    make_file(path, layout.file_mode)
    if identity_of(path) is None:
        raise SpoolDamagedError(f"{path} is not a regular file")
    if not os.access(path, os.R_OK | os.W_OK):  # SQLite would open it read-only and fail at the first append
        raise refused(path)
    store = Store(path, path.absolute().as_uri(), WRITER_WAIT_S)
    with closed_on_error(store):
        for setting in (
            *(_ALONE if layout.alone else ()),
            *_GUARDS,
            *_WRITER_GUARDS,
            *layout.settings,
            f"max_page_count = {pages + _PAGES_TO_MIGRATE}",
        ):
            store.run(f"PRAGMA {setting}")
        _begin_or_check(store, layout, begin)
        store.limit(max_bytes)
    store.identity = identity_of(path)
    return store


def open_view(path: Path) -> Store:
    """Open a file that another user writes. Look at it through `Store.question` only.

    Raises:
        SpoolBusyError: It cannot be opened now.
        OSError: It cannot be opened.
    """
    store = Store(path, f"{path.absolute().as_uri()}?mode=ro", READER_WAIT_S)
    with closed_on_error(store):
        store.harden(exclusive=True)
    return store


def open_remains(path: Path) -> Store:
    """Open a damaged file of our own, which nobody writes any more, to read what is left of it.

    Raises:
        SpoolError: It cannot be opened now, or at all.
        OSError: It cannot be opened.
    """
    # With a WAL beside it SQLite has to read that too; without one it would insist on making one.
    how = "mode=ro" if path.with_name(path.name + "-wal").is_file() else "mode=ro&immutable=1"
    store = Store(path, f"{path.absolute().as_uri()}?{how}", READER_WAIT_S)
    with closed_on_error(store):
        store.harden(exclusive=False)
    return store


@contextmanager
def closed_on_error(store: Store) -> Iterator[None]:
    """Close a store, and so give its locks back, if what is done with it fails."""
    try:
        yield
    except (SpoolError, OSError, ValueError):
        store.close()
        raise


def _begin_or_check(store: Store, layout: Layout, begin: Callable[[Store], None]) -> None:
    """Check every page of a file; give an empty one its schema and its beginning, and bring an older one to the newest version.

    What changes the file is one transaction: after a kill at any statement the file is as it was before.
    """
    if _is_whole(store, layout):
        return
    with store.transaction():
        shape = _shape_of(store)
        if shape != EMPTY:
            expect(shape, _shapes(layout.schema), store.path, older=True)
            _expect_sound(store)
        _migrate(store, layout.schema, shape.version)
        if shape == EMPTY:
            begin(store)


def _is_whole(store: Store, layout: Layout) -> bool:
    """Return whether a file is sound and of the newest version. Takes no more than a read lock: a reader may hold the file for ever."""
    with store.rehearsal():
        shape = _shape_of(store)
        if shape == EMPTY:
            return False
        expect(shape, _shapes(layout.schema), store.path, older=True)
        _expect_writable(store)
        if shape.version < len(_shapes(layout.schema)):
            return False
        _expect_sound(store)
        return True


def _migrate(store: Store, schema: str, version: int) -> None:
    """Run what leads from a version to the newest one. No copy is kept: one that was put back would fork the chain."""
    for number, statements in enumerate(scripts(schema)[version:], version + 1):
        for statement in statements:
            store.run(statement)
        store.run(f"PRAGMA user_version = {number}")


def _expect_sound(store: Store) -> None:
    """Check every page and every entry of an index."""
    match store.rows("PRAGMA integrity_check(1)"):
        case [("ok",)]:
            return
        case [(finding,), *_]:
            raise SpoolDamagedError(f"{store.path}: {_printable(finding)}")
        case _:
            raise SpoolDamagedError(f"{store.path}: the check gave no result")


def _expect_writable(store: Store) -> None:
    """Refuse a file whose own header forbids writing: SQLite would take it read-only and fail at the first append."""
    try:
        with suppress(SpoolBusyError):  # SQLite looks at the header first, and then whether somebody else writes
            store.run("DELETE FROM sqlite_sequence WHERE FALSE")  # writes nothing, but has to be allowed to
    except PermissionError as error:
        raise SpoolDamagedError(f"{store.path}: its header forbids writing") from error


def _shape_of(store: Store) -> Shape:
    # The schema first: it is what makes SQLite open the file.
    objects = frozenset(store.rows(_OBJECTS))
    match store.rows("PRAGMA application_id"), store.rows("PRAGMA user_version"):
        case [(int(application_id),)], [(int(version),)]:
            return Shape(application_id=application_id, version=version, objects=objects)
        case _:
            raise SpoolDamagedError(f"{store.path}: it has no header")


@cache
def _shapes(schema: str) -> tuple[Shape, ...]:
    """Return what a file looks like at each version, the first one's first."""
    store, shapes = Store(Path(":memory:"), ":memory:", 0), []
    for number, statements in enumerate(scripts(schema), 1):
        for statement in (*statements, f"PRAGMA user_version = {number}"):
            store.run(statement)
        shapes.append(_shape_of(store))
    store.close()
    return tuple(shapes)


@contextmanager
def _our_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.ProgrammingError:  # a closed connection, a wrong thread, a wrong number of values: our bug
        raise
    except UnicodeDecodeError as error:  # SQLite's own sentence quotes bytes of the file
        raise SpoolDamagedError(f"{path}: it holds text that is not UTF-8") from error
    except sqlite3.Error as error:
        raise _translated(error, path) from error


def _translated(error: sqlite3.Error, path: Path) -> SpoolError | OSError | ValueError:
    # Text that is not UTF-8 is refused by Python, without a code of SQLite.
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    reason = _printable(error)
    if code in (sqlite3.SQLITE_READONLY_ROLLBACK, sqlite3.SQLITE_READONLY_RECOVERY):
        return SpoolBusyError(f"{path}: its writer ended in the middle of a transaction and must open it first")
    primary = code & 0xFF
    if primary in _ERRNOS:
        return failed(path, _ERRNOS[primary], reason)
    return _ERRORS.get(primary, SpoolDamagedError)(f"{path}: {reason}")


def _printable(sentence: object) -> str:
    """Return what SQLite says, fit for a log: its sentences quote names from the file."""
    return "".join(sign if sign.isprintable() else "?" for sign in str(sentence)[:200])
