"""Opening the receiver's database: made if it is missing, brought up to date, and refused if it is somebody else's.

Decides which file counts as ours. Must never touch one that is not, and never lower what a commit promises: WAL with
synchronous=FULL survives a power cut.
"""

import sqlite3
import time
from pathlib import Path
from typing import Final

from isms.store import InventoryError

APPLICATION_ID: Final = 0x4E504953  # "NPIS"
VERSION: Final = 3
BUSY_S: Final = 5.0
TABLES_S: Final = 2.0  # how long a reader waits for a receiver that is just making its tables


def connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """Open a database of ours, and make a new one if we may.

    Raises:
        InventoryError: It is somebody else's, or of a later version.
        sqlite3.Error: It cannot be opened, or is no database.
    """
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_S)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA trusted_schema = OFF")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
            _await_tables(connection)
        else:
            path.chmod(0o600)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA cache_size = -8192")  # KiB: flat, however large the books become
            connection.execute("PRAGMA wal_autocheckpoint = 4000")  # pages: pages written often are copied once
            _upgrade(connection)
        _require_current(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _await_tables(connection: sqlite3.Connection) -> None:
    """Give a receiver that has just begun the moment that it needs to make its tables, or to bring them up to date."""
    until_s = time.monotonic() + TABLES_S
    while connection.execute("PRAGMA user_version").fetchone()[0] < VERSION and time.monotonic() < until_s:
        time.sleep(0.02)


def _upgrade(connection: sqlite3.Connection) -> None:
    """Bring an empty or an older database to this version, step by step, each all or nothing."""
    while (found := _version(connection)) < VERSION:
        statements = Path(__file__).with_name(f"inventory-{found + 1}.sql").read_text(encoding="utf-8")
        marks = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {found + 1};"
        try:
            connection.executescript(f"BEGIN IMMEDIATE; {marks} {statements} COMMIT;")
        except sqlite3.OperationalError:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if _version(connection) == found:  # nobody else did it meanwhile
                raise


def _version(connection: sqlite3.Connection) -> int:
    """Return the version of a database of ours, 0 for an empty one."""
    if connection.execute("PRAGMA schema_version").fetchone()[0]:
        _require_ours(connection, upto=VERSION)
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _require_ours(connection: sqlite3.Connection, *, upto: int) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID:
        raise InventoryError("it is a database, but not one of nameplated-isms")
    if version > upto:
        raise InventoryError(f"it has version {version}; this program knows {VERSION}")


def _require_current(connection: sqlite3.Connection) -> None:
    """A reader cannot bring books up to date."""
    _require_ours(connection, upto=VERSION)
    if connection.execute("PRAGMA user_version").fetchone()[0] < VERSION:
        raise InventoryError("it is of an older version; `nameplated-isms receive` brings it up to date")
