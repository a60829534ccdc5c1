"""The books: only ours are opened, readers cannot write, and what is committed stays."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

import isms.inventory
from isms.inventory import Books
from isms.store import KEPT_REFUSALS, KEPT_START_BYTES, InventoryError


def test_new_books_are_private_and_durable(tmp_path: Path) -> None:
    path = tmp_path / "isms.db"
    with Books.open(path), closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_reader_sees_the_books_while_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "isms.db"
    with Books.open(path) as writer:
        writer.refuse("t", b"x", reason="malformed", detail="", at="now")
        with Books.open(path, read_only=True) as reader:
            assert reader.refusals() == {}
            writer.commit()
            assert reader.refusals() == {"malformed": 1}


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "isms.db"
    with Books.open(path):
        pass
    with pytest.raises(InventoryError, match="readonly"), Books.open(path, read_only=True) as reader:
        reader.refuse("t", b"x", reason="malformed", detail="", at="now")


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [("PRAGMA user_version = 9", "version 9"), ("PRAGMA application_id = 1", "not one of")],
)
def test_books_of_somebody_else_or_of_a_later_version_are_left_alone(tmp_path: Path, statement: str, complaint: str) -> None:
    path = tmp_path / "isms.db"
    with Books.open(path):
        pass
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
    with pytest.raises(InventoryError, match=complaint), Books.open(path):
        pass


@pytest.mark.parametrize("read_only", [True, False])
def test_a_file_that_is_no_database_is_named(tmp_path: Path, read_only: bool) -> None:
    path = tmp_path / "isms.db"
    path.write_bytes(b"garbage" * 1000)
    with pytest.raises(InventoryError, match="not a database"), Books.open(path, read_only=read_only):
        pass


def test_a_missing_database_is_not_made_by_a_reader(tmp_path: Path) -> None:
    with pytest.raises(InventoryError), Books.open(tmp_path / "isms.db", read_only=True):
        pass
    assert not (tmp_path / "isms.db").exists()


def test_reader_that_comes_while_the_tables_are_made_waits_for_them(tmp_path: Path) -> None:
    path = tmp_path / "isms.db"
    with closing(sqlite3.connect(path)) as half_made:
        half_made.execute("PRAGMA journal_mode = WAL")
    found: list[list[object]] = []

    def read() -> None:
        with Books.open(path, read_only=True) as reader:
            found.append(reader.gateways())

    early = threading.Thread(target=read)
    early.start()
    with Books.open(path):
        early.join(5)
    assert found == [[]]


def test_the_beginning_of_what_was_refused_is_kept_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "isms.db"
    with Books.open(path) as books:
        for number in range(KEPT_REFUSALS + 10):
            books.refuse("some/topic", b"%d" % number + b"x" * 500, reason="malformed", detail="", at="now")
        books.commit()
    with closing(sqlite3.connect(path)) as connection:
        count, longest = connection.execute("SELECT count(*), max(length(start)) FROM refused").fetchone()
    assert (count, longest) == (KEPT_REFUSALS, KEPT_START_BYTES)


def test_books_of_an_older_version_are_counted_once_when_they_are_brought_up_to_date(tmp_path: Path) -> None:
    path, room = tmp_path / "isms.db", Path(isms.inventory.__file__).parent
    kept = [(0, "chain.start/1", "accepted"), (1, "gap/1", "accepted"), (2, "event/1", "accepted"), (2, "event/1", "forked")]
    with closing(sqlite3.connect(path)) as old:
        for number in (1, 2):
            old.executescript((room / f"inventory-{number}.sql").read_text())
        old.executescript(f"PRAGMA application_id = {0x4E504953}; PRAGMA user_version = 2;")
        old.execute(
            "INSERT INTO chains VALUES (1, 'urn:nameplated:p:g', 'e', 'k', 'forked', 2, x'00', '', '2026-01-01T00:00:00Z')"
        )
        for number, (seq, kind, verdict) in enumerate(kept):
            row = (seq, b"%d" % number, kind, verdict, f"2026-01-01T00:00:0{number}Z")
            old.execute(
                "INSERT INTO envelopes (chain, seq, digest, type, verdict, received_at, token) VALUES (1, ?, ?, ?, ?, ?, x'')",
                row,
            )
        old.commit()
    for _ in range(2):
        with Books.open(path) as books:
            [found] = books.gateways()
        assert [found[name] for name in ("records", "gaps", "forks", "breaks")] == [3, 1, 1, 0]
        assert found["last_received_at"] == "2026-01-01T00:00:03Z"
