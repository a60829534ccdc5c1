"""How an error of SQLite becomes one of ours, and what a file must be to be ours."""

import sqlite3
from pathlib import Path

import pytest

from buffer.errors import SpoolBusyError, SpoolDamagedError
from buffer.store import Layout, Store, open_file
from tests.buffer.samples import MAX_BYTES, ROOT, holder

LAYOUT = Layout(schema="journal", directory_mode=0o700, file_mode=0o600, settings=())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_file(tmp_path / "x.db", LAYOUT, max_bytes=MAX_BYTES)


def test_store_is_the_only_module_that_knows_sqlite() -> None:
    knowing = [path.name for path in (ROOT / "buffer").glob("*.py") if "import sqlite3" in path.read_text()]
    assert knowing == ["store.py"]


def test_a_transaction_that_fails_leaves_nothing_behind(store: Store) -> None:
    def forget_all_and_stumble() -> None:
        with store.transaction():
            store.run("DELETE FROM journal")
            store.run("DELETE FROM elsewhere")

    with pytest.raises(SpoolDamagedError, match="no such table"):
        forget_all_and_stumble()
    assert len(store.rows("SELECT * FROM journal")) == 1


def test_a_transaction_that_sqlite_ended_itself_is_not_ended_twice(store: Store) -> None:
    with pytest.raises(SpoolDamagedError, match="no transaction is active"), store.transaction():
        store.run("ROLLBACK")
    with store.transaction():
        assert len(store.rows("SELECT * FROM journal")) == 1


def test_a_violated_constraint_is_our_bug(store: Store) -> None:
    with pytest.raises(ValueError, match="NOT NULL"):
        store.run("INSERT INTO journal VALUES (NULL)")


def test_a_wrong_number_of_values_is_our_bug_and_keeps_its_name(store: Store) -> None:
    with pytest.raises(sqlite3.ProgrammingError):
        store.run("DELETE FROM record WHERE seq = ?")


def test_a_held_file_is_busy(store: Store, tmp_path: Path) -> None:
    other = holder(tmp_path / "x.db", "EXCLUSIVE")
    with pytest.raises(SpoolBusyError, match=r"x\.db: database is locked"):
        store.rows("SELECT * FROM journal")
    other.close()


def test_closing_twice_is_harmless(store: Store) -> None:
    store.close()
    store.close()


def test_a_path_with_signs_of_an_address_is_a_path(tmp_path: Path) -> None:
    path = tmp_path / "a?mode=memory#b%20c" / "x.db"
    open_file(path, LAYOUT, max_bytes=MAX_BYTES).close()
    assert path.stat().st_size > 0


def test_two_that_begin_the_same_file_at_once_agree(tmp_path: Path) -> None:
    first = open_file(tmp_path / "x.db", LAYOUT, max_bytes=MAX_BYTES)
    second = open_file(tmp_path / "x.db", LAYOUT, max_bytes=MAX_BYTES)
    assert first.rows("SELECT id FROM journal") == second.rows("SELECT id FROM journal")
