"""The journal as another user sees it: whatever the file is, the reader gets a named outcome in bounded time and goes on."""

import os
import sqlite3
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buffer.errors import SpoolBusyError, SpoolDamagedError, SpoolError, SpoolNewerError
from buffer.journal import Journal
from buffer.limits import MAX_SEQ
from buffer.record import Damaged, LeftOut, Record, State, checksum
from buffer.view import JournalView
from tests.buffer.samples import AT, MAX_BYTES, draft, foreign, holder, in_child, state
from tests.effort import examples


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal of three records and one state, written and left."""
    path = tmp_path / "journal.db"
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        journal.append([draft(b"one"), draft(b"two"), draft(b"three")], [state(b"s")])
    return path


@pytest.fixture
def view(path: Path) -> Iterator[JournalView]:
    with JournalView.open(path) as opened:
        yield opened


def read(path: Path, after: int = 0) -> list[Record | Damaged]:
    with JournalView.open(path) as view:
        return view.read(after, max_records=100, max_bytes=1 << 20)


def summary(entries: list[Record | Damaged]) -> list[bytes | str]:
    return [entry.body if isinstance(entry, Record) else f"damaged {entry.seq}" for entry in entries]


def test_reading_continues_after_what_was_read(view: JournalView) -> None:
    assert summary(view.read(0, max_records=2, max_bytes=100)) == [b"one", b"two"]
    assert summary(view.read(2, max_records=2, max_bytes=100)) == [b"three"]
    assert view.read(3, max_records=2, max_bytes=100) == []


def test_reading_ends_before_too_many_bytes_but_never_stands_still(view: JournalView) -> None:
    assert summary(view.read(0, max_records=9, max_bytes=7)) == [b"one", b"two"]
    assert summary(view.read(0, max_records=9, max_bytes=1)) == [b"one"]


def states(path: Path, *, max_records: int = 9999, max_bytes: int = 1 << 30) -> list[State | LeftOut]:
    with JournalView.open(path) as view:
        return list(view.states(max_records=max_records, max_bytes=max_bytes))


def test_states_of_every_kind_are_read_in_the_order_of_writing(path: Path) -> None:
    first = State(kind="endpoint/1", subject="10.0.0.7", at=AT, body=b"s")
    assert states(path) == [first]
    others = [state(b"%d" % number, kind=f"k{number}") for number in range(700)]
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        journal.append([], others)
    assert states(path) == [first, *others]


def test_bound_on_states_ends_the_answer_and_is_said(path: Path) -> None:
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        journal.append([], [state(b"x" * 1000, subject=f"s{number}") for number in range(500)])
    for found, count in ((states(path, max_records=300), 300), (states(path, max_bytes=100_500), 101)):
        assert len(found) == count + 1
        assert isinstance(found[-1], LeftOut) and "was not looked at" in found[-1].reason
    assert isinstance(states(path, max_records=501)[-1], State)


def test_states_that_nobody_can_believe_count_too(path: Path) -> None:
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        journal.append([], [state(subject=f"s{number}") for number in range(20)])
    foreign(path, "UPDATE state SET crc = 0")
    assert states(path, max_records=21) == []
    assert [type(each) for each in states(path, max_records=20)] == [LeftOut]


def test_no_more_states_are_in_memory_than_a_block_has(path: Path) -> None:
    with Journal.open(path, max_bytes=32 << 20) as journal:
        for number in range(60):
            journal.append([], [state(b"x" * 256 * 1024, subject=f"s{number}")])
    tracemalloc.start()
    with JournalView.open(path) as view:
        assert sum(1 for _ in view.states(max_records=99, max_bytes=1 << 30)) == 61
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 << 20


def test_writer_need_not_wait_for_whoever_looks_at_states(path: Path, view: JournalView) -> None:
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        journal.append([], [state(subject=f"s{number}") for number in range(5)])
        looked = view.states(max_records=99, max_bytes=1 << 20)
        next(looked)
        journal.append([], [state(b"new", subject="s9")])
        assert len(list(looked)) == 6


@pytest.mark.parametrize("question", ["SELECT number FROM state WHERE number", "SELECT seq FROM record WHERE seq"])
def test_no_question_makes_sqlite_sort_what_a_stranger_wrote(view: JournalView, question: str) -> None:
    key = question.split()[1]
    plan = view._store.rows(f"EXPLAIN QUERY PLAN {question} > ? ORDER BY {key} LIMIT ?", (0, 9))
    assert ["USING INTEGER PRIMARY KEY" in str(step[-1]) for step in plan] == [True]


def test_view_and_journal_agree_on_the_id(path: Path) -> None:
    with Journal.open(path, max_bytes=MAX_BYTES) as journal, JournalView.open(path) as view:
        assert view.id == journal.id


def test_no_lock_is_held_between_questions(path: Path, view: JournalView) -> None:
    view.read(0, max_records=9, max_bytes=100)
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        assert journal.append([draft(b"four")]) == 4
    assert summary(view.read(3, max_records=9, max_bytes=100)) == [b"four"]


@pytest.mark.parametrize("statement", ["DELETE FROM record", "PRAGMA user_version = 7", "CREATE TABLE t (x)", "VACUUM"])
def test_a_view_cannot_write(view: JournalView, path: Path, statement: str) -> None:
    before = path.read_bytes()
    with pytest.raises((SpoolError, OSError)):
        view._store.run(statement)
    assert path.read_bytes() == before


@pytest.mark.parametrize(("setting", "value"), [("query_only", 1), ("trusted_schema", 0), ("cell_size_check", 1)])
def test_a_view_is_guarded_even_where_the_file_is_harmless(view: JournalView, setting: str, value: int) -> None:
    assert view._store.rows(f"PRAGMA {setting}") == [(value,)]


def test_a_view_cannot_attach_another_file(view: JournalView, tmp_path: Path) -> None:
    with pytest.raises(SpoolError):
        view._store.run("ATTACH ? AS other", (str(tmp_path / "other.db"),))
    assert not (tmp_path / "other.db").exists()


def test_a_journal_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    with pytest.raises(SpoolBusyError, match="cannot be opened yet"):
        JournalView.open(tmp_path / "journal.db")
    assert list(tmp_path.iterdir()) == []


def test_a_journal_that_is_just_being_made_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "journal.db").touch()
    with pytest.raises(SpoolBusyError, match="not begun"):
        JournalView.open(tmp_path / "journal.db")


def test_a_journal_that_is_held_is_given_up_in_bounded_time(path: Path) -> None:
    other = holder(path, "EXCLUSIVE")
    began = time.monotonic()
    with pytest.raises(SpoolBusyError):
        JournalView.open(path)
    assert time.monotonic() - began < 5
    other.close()
    assert len(read(path)) == 3


def test_a_journal_that_was_replaced_is_noticed(path: Path, view: JournalView) -> None:
    path.rename(path.with_name("journal.db.damaged-1"))
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        journal.append([draft(b"new")])
    with pytest.raises(SpoolBusyError, match="replaced"):
        view.read(3, max_records=9, max_bytes=100)
    assert summary(read(path)) == [b"new"]


def test_a_view_that_raised_holds_no_lock(path: Path, view: JournalView) -> None:
    foreign(path, "CREATE VIEW v AS SELECT 1")
    with pytest.raises(SpoolDamagedError):
        view.read(0, max_records=9, max_bytes=100)
    with pytest.raises(sqlite3.ProgrammingError):
        view.read(0, max_records=9, max_bytes=100)
    foreign(path, "DROP VIEW v")
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        assert journal.append([draft()]) == 4


FOREIGN_STRUCTURES = {
    "a trigger": ["CREATE TRIGGER t AFTER INSERT ON record BEGIN SELECT 1; END"],
    "a view beside the tables": ["CREATE VIEW v AS SELECT load_extension('x')"],
    "a view instead of the table": ["DROP TABLE record", "CREATE VIEW record AS SELECT 1 AS seq, 2 AS kind"],
    "a table without types": ["DROP TABLE record", "CREATE TABLE record (seq, kind, subject, at, body, crc)"],
    "an endless query instead of the table": [
        "DROP TABLE record",
        "CREATE VIEW record AS WITH RECURSIVE n(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n) SELECT seq FROM n",
    ],
    "a virtual table": ["DROP TABLE record", "CREATE VIRTUAL TABLE record USING fts5(seq, kind, subject, at, body, crc)"],
    "a generated column": ["ALTER TABLE record ADD COLUMN x AS (hex(zeroblob(100000000)))"],
    "another index": ["CREATE INDEX i ON record (kind)"],
    "no table": ["DROP TABLE state"],
    "another program's file": ["PRAGMA application_id = 1"],
    "an earlier version": ["PRAGMA user_version = 0"],
    "a flipped bit of the version": ["PRAGMA user_version = 18"],
    "a version that no file can have": ["ALTER TABLE state ADD COLUMN clock TEXT", "PRAGMA user_version = 16386"],
    "two ids": ["INSERT INTO journal VALUES (lower(hex(randomblob(16))))"],
    "an id that is none": ["UPDATE journal SET id = '../../etc/passwd'"],
    "a huge id": ["UPDATE journal SET id = printf('%.*c', 50000000, 'a')"],
    "a schema that cannot be parsed": ["UPDATE sqlite_schema SET sql = 'CREATE TABLE record (' WHERE name = 'record'"],
    "a schema whose error message is not UTF-8": [
        "UPDATE sqlite_schema SET sql = CAST(x'435245415445205441424c4520ff' AS TEXT) WHERE name = 'record'"
    ],
    "a schema that points elsewhere": ["UPDATE sqlite_schema SET rootpage = 99999 WHERE name = 'record'"],
    "a sequence that has run out": ["UPDATE record SET seq = 9223372036854775807 WHERE seq = 3"],
}


@pytest.mark.parametrize("statements", FOREIGN_STRUCTURES.values(), ids=FOREIGN_STRUCTURES.keys())
def test_a_file_of_another_structure_is_damaged(path: Path, statements: list[str]) -> None:
    foreign(path, "BEGIN", *statements, "COMMIT")
    with pytest.raises(SpoolDamagedError) as damage:
        read(path)
    assert str(damage.value).isprintable()


def test_a_file_that_takes_too_much_work_to_understand_is_given_up(path: Path) -> None:
    # SQLite parses these in a tenth of a second, and ten times as many in a minute.
    foreign(
        path,
        (
            "INSERT INTO sqlite_schema WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
            "SELECT 'table', 't' || i, 't' || i, 2, 'CREATE TABLE t' || i || ' (x)' FROM n"
        ),
    )
    with pytest.raises(SpoolDamagedError, match="interrupted"):
        read(path)


def test_what_a_foreign_schema_says_cannot_reach_a_terminal(path: Path) -> None:
    foreign(path, "UPDATE sqlite_schema SET sql = 'CREATE TABLE \x1b[2J (' WHERE name = 'record'")
    with pytest.raises(SpoolDamagedError, match="malformed") as damage:
        read(path)
    assert str(damage.value).isprintable()


def test_a_file_of_a_later_version_is_named_so(path: Path) -> None:
    foreign(path, "ALTER TABLE state ADD COLUMN clock TEXT", "PRAGMA user_version = 99")
    with pytest.raises(SpoolNewerError, match="later version"):
        read(path)


FOREIGN_ROWS = {
    "a flipped bit": ["UPDATE record SET body = x'747776' WHERE seq = 2"],
    "another kind": ["UPDATE record SET kind = 'asset/2' WHERE seq = 2"],
    "a moved row": [
        "UPDATE record SET seq = 4 WHERE seq = 2",
        "UPDATE record SET seq = 2 WHERE seq = 4",
        "UPDATE record SET crc = crc + 1 WHERE seq = 2",
    ],
    "a body of 50 MB": ["UPDATE record SET body = zeroblob(50000000) WHERE seq = 2"],
    "a kind of 50 MB": ["UPDATE record SET kind = printf('%.*c', 50000000, 'a') WHERE seq = 2"],
    "a body just above its bound": ["UPDATE record SET body = zeroblob(262145) WHERE seq = 2"],
    "text that is not UTF-8": ["UPDATE record SET subject = CAST(x'ff' AS TEXT) WHERE seq = 2"],
    "a text with a null in it": ["UPDATE record SET subject = CAST(x'610062' AS TEXT) WHERE seq = 2"],
}


@pytest.mark.parametrize("statements", FOREIGN_ROWS.values(), ids=FOREIGN_ROWS.keys())
def test_a_bad_record_is_stepped_over_and_never_met_again(path: Path, statements: list[str]) -> None:
    foreign(path, *statements)
    assert summary(read(path)) == [b"one", "damaged 2", b"three"]
    assert summary(read(path, after=2)) == [b"three"]


def test_a_number_where_text_belongs_is_damaged(path: Path) -> None:
    # STRICT refuses it at writing, so the table's promise is taken away, the row written, and the promise given back.
    foreign(path, "UPDATE sqlite_schema SET sql = replace(sql, ') STRICT', ')') WHERE name = 'record'")
    foreign(path, "UPDATE record SET kind = x'6b', body = 'text' WHERE seq = 2")
    foreign(path, "UPDATE sqlite_schema SET sql = sql || ' STRICT' WHERE name = 'record'")
    assert read(path)[1] == Damaged(seq=2, reason="a column has the wrong type")


def test_damage_does_not_stop_a_reader_that_takes_one_record_at_a_time(path: Path) -> None:
    foreign(path, "UPDATE record SET crc = 0")
    with JournalView.open(path) as view:
        for after in range(3):
            assert summary(view.read(after, max_records=1, max_bytes=1)) == [f"damaged {after + 1}"]
        assert view.read(3, max_records=1, max_bytes=1) == []


def test_a_jump_of_the_sequence_is_the_callers_to_judge(path: Path) -> None:
    crc = checksum(MAX_SEQ, "k", "s", AT, b"far")
    foreign(path, f"INSERT INTO record VALUES ({MAX_SEQ}, 'k', 's', '{AT}', CAST('far' AS BLOB), {crc})")
    with JournalView.open(path) as view:
        assert [entry.seq for entry in view.read(2, max_records=9, max_bytes=100)] == [3, MAX_SEQ]
        assert view.read(MAX_SEQ, max_records=9, max_bytes=100) == []


def test_a_bad_state_is_left_out(path: Path) -> None:
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        journal.append([], [state(b"t", subject="10.0.0.8"), state(b"u", subject="10.0.0.9")])
    foreign(path, "UPDATE state SET body = zeroblob(50000000) WHERE subject = '10.0.0.7'")
    foreign(path, "UPDATE state SET crc = 0 WHERE subject = '10.0.0.8'")
    assert [each.subject for each in states(path) if isinstance(each, State)] == ["10.0.0.9"]


def test_a_pipe_or_a_link_in_the_place_of_the_journal_is_damage_and_keeps_nobody_waiting(path: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(path)
    for name in ("pipe", "link", "."):
        with pytest.raises(SpoolDamagedError, match="not a regular file"):
            JournalView.open(tmp_path / name)


@pytest.mark.parametrize("content", [b"garbage" * 5000, b"SQLite format 3\x00" + b"\xff" * 5000, bytes(8192)])
def test_a_file_of_garbage_is_damaged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "journal.db").write_bytes(content)
    with pytest.raises(SpoolDamagedError):
        JournalView.open(tmp_path / "journal.db")


def test_a_file_switched_to_wal_is_refused_before_its_shared_memory_is_mapped(path: Path) -> None:
    # Another process keeps the WAL alive: the file is whole, and a mapping that it truncated would kill the reader (SIGBUS).
    reader, writer = os.pipe()
    view = JournalView.open(path)
    child = os.fork()
    if child == 0:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("UPDATE journal SET id = id")
        os.write(writer, b"ready")
        time.sleep(30)
        os._exit(0)
    try:
        assert os.read(reader, 5) == b"ready"
        with pytest.raises(SpoolError):
            view.read(0, max_records=9, max_bytes=100)
        with pytest.raises(SpoolError):
            JournalView.open(path)
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def test_a_reader_beside_a_writer_sees_every_record_once_and_in_order(path: Path) -> None:
    child = os.fork()
    if child == 0:
        with Journal.open(path, max_bytes=MAX_BYTES) as journal:
            for number in range(4, 304):
                journal.append([draft(b"%d" % number)])
        os._exit(0)
    seen: list[Record | Damaged] = []
    while len(seen) < 303:
        try:
            with JournalView.open(path) as view:
                seen += view.read(len(seen), max_records=7, max_bytes=1000)
        except SpoolBusyError:
            continue
    assert os.waitpid(child, 0)[1] == 0
    assert [entry.seq for entry in seen] == list(range(1, 304))
    assert all(isinstance(entry, Record) for entry in seen)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become two users")
def test_another_user_of_the_group_reads_and_cannot_write() -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        os.chown(directory, 65501, 65510)
        directory.chmod(0o750)
        path = directory / "journal.db"

        def write() -> None:
            with Journal.open(path, max_bytes=MAX_BYTES) as journal:
                journal.append([draft(b"one")])

        def look() -> None:
            assert summary(read(path)) == [b"one"]
            for act in (lambda: path.open("r+b"), path.unlink, (directory / "x").touch):
                with pytest.raises(PermissionError):
                    act()

        def stay_out() -> None:
            with pytest.raises(SpoolBusyError, match="Permission denied"):
                JournalView.open(path)

        assert in_child(write, uid=65501, gid=65510) == 0
        assert in_child(look, uid=65502, gid=65510) == 0
        assert in_child(stay_out, uid=65503, gid=65511) == 0


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bytes_in_any_place_become_records_or_a_named_error(path: Path, data: st.DataObject) -> None:
    good = path.read_bytes()
    spoiled = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.one_of(st.integers(0, 200), st.integers(0, len(good) - 1)))
        junk = data.draw(st.binary(min_size=1, max_size=64))
        spoiled[place : place + len(junk)] = junk
    other = path.with_name("spoiled.db")
    other.write_bytes(bytes(spoiled[: data.draw(st.sampled_from([len(good), len(good), len(good) // 2, 5000]))]))
    try:
        entries = read(other)
    except SpoolError:
        return
    believed = [entry for entry in entries if isinstance(entry, Record)]
    assert {(record.seq, record.body) for record in believed} <= {(1, b"one"), (2, b"two"), (3, b"three")}
