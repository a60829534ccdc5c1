"""Files of every earlier version: opened, brought up to date, folded and delivered, and none of it half."""

import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest

from buffer.errors import SpoolBusyError, SpoolFullError
from buffer.journal import Journal
from buffer.limits import MIN_FILE_BYTES, PAGE_BYTES
from buffer.outbox import Outbox
from buffer.versions import scripts
from buffer.view import JournalView
from tests.buffer.old_files import RECORDS, VERSIONS, copied
from tests.buffer.samples import ROOT, die_at_statement, draft, in_child
from tests.faults.gateway import CAP, Place, Receiver, drain, moment

MOST_STATEMENTS = 200


@pytest.fixture(params=VERSIONS)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A gateway as an earlier version left it when it was killed."""
    return copied(request.param, tmp_path / "gateway")


def version_of(path: Path) -> int:
    """What a stranger reads there; rolls back what a dead writer left, as any reader who may write would."""
    with sqlite3.connect(path) as connection:
        [[version]] = connection.execute("PRAGMA user_version")
    connection.close()
    return version


def upgrade(place: Place) -> None:
    with place.open_journal() as journal, Outbox.open(place.outbox, max_bytes=CAP) as outbox:
        assert journal.recovered is None
        assert outbox.damaged is None


def test_every_version_but_the_newest_has_files_that_it_wrote() -> None:
    for schema in ("journal", "outbox"):
        assert [f"{number:04}" for number in range(1, len(scripts(schema)))] == VERSIONS


def test_old_files_become_one_sound_chain_in_which_nothing_is_missing(old: Place) -> None:
    receiver = Receiver()
    with old.recorder() as recorder, old.spool(old.author, epoch_number=2) as spool:
        recorder.begin(moment(100), assets=3)
        drain(spool, receiver, moment(100))
    assert receiver.seen == set(range(RECORDS))
    assert (receiver.missing, receiver.lost, receiver.orphans, len(receiver.starts)) == (0, 0, 0, 1)
    assert version_of(old.journal) == len(scripts("journal"))
    assert version_of(old.outbox) == len(scripts("outbox"))


def test_file_that_was_brought_up_to_date_and_a_new_one_are_the_same(old: Place, tmp_path: Path) -> None:
    upgrade(old)
    new = Place(tmp_path / "new")
    upgrade(new)
    question = "SELECT type, name, sql FROM sqlite_schema ORDER BY name"
    for ours, theirs in ((new.journal, old.journal), (new.outbox, old.outbox)):
        with sqlite3.connect(ours) as one, sqlite3.connect(theirs) as other:
            assert one.execute(question).fetchall() == other.execute(question).fetchall()
        one.close()
        other.close()


@pytest.mark.parametrize("version", VERSIONS)
def test_update_that_is_killed_at_any_statement_leaves_the_old_version_or_the_new_one(version: str, tmp_path: Path) -> None:
    for number in range(1, MOST_STATEMENTS):
        place = copied(version, tmp_path / str(number))

        def die_updating(place: Place = place, number: int = number) -> None:
            die_at_statement(number)
            upgrade(place)

        died = in_child(die_updating)
        shapes = {(version_of(place.journal), "journal"), (version_of(place.outbox), "outbox")}
        assert shapes <= {(at, schema) for schema in ("journal", "outbox") for at in (int(version), len(scripts(schema)))}
        upgrade(place)
        with place.open_journal() as journal, JournalView.open(place.journal) as view:
            assert [record.seq for record in view.read(0, max_records=99, max_bytes=CAP)] == list(range(1, journal.last_seq + 1))
            assert journal.last_seq == RECORDS + 1
        if not died:
            return
        shutil.rmtree(place.directory)
    raise AssertionError("it never came to its end")


def test_file_that_has_reached_its_cap_is_brought_up_to_date_all_the_same(old: Place) -> None:
    with sqlite3.connect(old.journal, isolation_level=None) as connection:
        connection.execute(f"PRAGMA max_page_count = {MIN_FILE_BYTES // PAGE_BYTES}")
        with contextlib.suppress(sqlite3.OperationalError):
            while True:
                connection.execute(
                    "INSERT INTO record (kind, subject, at, body, crc) VALUES ('event', 'a0', '', zeroblob(200), 1)"
                )
    connection.close()
    assert old.journal.stat().st_size == MIN_FILE_BYTES
    with Journal.open(old.journal, max_bytes=MIN_FILE_BYTES) as journal:
        with pytest.raises(SpoolFullError):
            journal.append([draft(bytes(9000))])
        assert journal.recovered is None
        journal.trim(journal.last_seq)
        assert journal.append([draft(bytes(9000))]) == journal.last_seq


def test_reader_waits_for_the_writer_to_bring_its_file_up_to_date_and_changes_nothing(old: Place) -> None:
    version_of(old.journal)
    before = old.journal.read_bytes()
    with pytest.raises(SpoolBusyError, match="its writer has not brought it to"):
        JournalView.open(old.journal)
    assert old.journal.read_bytes() == before


def test_damaged_file_of_an_earlier_version_is_salvaged_like_any_other(old: Place) -> None:
    with sqlite3.connect(old.journal, isolation_level=None) as connection:
        connection.execute("CREATE TABLE foreign_one (x)")
    connection.close()
    receiver = Receiver()
    with old.recorder() as recorder, old.spool(old.author, epoch_number=2) as spool:
        recorder.begin(moment(100), assets=3)
        drain(spool, receiver, moment(100))
    assert receiver.seen == set(range(RECORDS))
    assert receiver.lost == 0


def test_version_is_an_ordinary_file(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "buffer" / "schema" / "journal", tmp_path / "journal")
    (tmp_path / "journal" / "0003_more.sql").write_text("-- why\n\nCREATE TABLE a (x);\n\nCREATE TABLE b (x);\n")
    assert [statement.strip() for statement in scripts("journal", tmp_path)[2]] == ["CREATE TABLE a (x);", "CREATE TABLE b (x);"]


def test_hole_in_the_numbers_of_the_versions_is_our_bug(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "buffer" / "schema" / "journal", tmp_path / "journal")
    (tmp_path / "journal" / "0004_more.sql").touch()
    with pytest.raises(ValueError, match="without a hole"):
        scripts("journal", tmp_path)


@pytest.mark.parametrize("schema", ["journal", "outbox"])
def test_each_version_changes_the_structure_so_that_a_flipped_bit_is_not_taken_for_a_later_one(schema: str) -> None:
    structures = set()
    with sqlite3.connect(":memory:") as connection:
        for version in scripts(schema):
            connection.executescript("\n".join(version))
            structures.add(tuple(connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name")))
    connection.close()
    assert len(structures) == len(scripts(schema))


@pytest.mark.parametrize("schema", ["journal", "outbox"])
def test_paragraph_of_a_version_is_one_whole_statement(schema: str) -> None:
    for statement in (statement for version in scripts(schema) for statement in version):
        assert sqlite3.complete_statement(statement)
        assert sum(line.split("--")[0].rstrip().endswith(";") for line in statement.splitlines()) == 1


def test_person_with_the_sqlite3_shell_reads_what_was_written_and_what_waits(old: Place) -> None:
    with old.open_journal() as journal:
        journal.append([draft(b'{"outcome":"identified"}')])
    with old.spool(old.author) as spool:
        spool.fold(moment())
    with sqlite3.connect(old.journal) as connection:
        assert connection.execute("SELECT seq, text FROM written").fetchall()[-1] == (RECORDS + 2, '{"outcome":"identified"}')
        assert [kind for (kind,) in connection.execute("SELECT DISTINCT kind FROM newest")] == ["endpoint", "gateway"]
    connection.close()
    with sqlite3.connect(old.outbox) as connection:
        assert connection.execute("SELECT kind, bytes = length(token) FROM waiting").fetchone() == ("chain.start/1", 1)
        assert "chain" in dict(connection.execute("SELECT name, text FROM noted"))
    connection.close()
