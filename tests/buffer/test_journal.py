"""The journal as its writer has it: in order, durable, bounded, and never stopped by a damaged file."""

import os
import random
import stat
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buffer.errors import SpoolBusyError, SpoolDamagedError, SpoolFullError, SpoolNewerError
from buffer.journal import Journal
from buffer.limits import MAX_SEQ, MIN_FILE_BYTES
from buffer.record import Record
from buffer.view import JournalView
from buffer.watermark import write_watermark
from tests.buffer.samples import AT, MAX_BYTES, ROOT, die_at_statement, draft, foreign, holder, in_child, state
from tests.effort import examples


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool" / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with Journal.open(path, max_bytes=MAX_BYTES) as opened:
        yield opened


def bodies(path: Path, after: int = 0) -> dict[int, bytes]:
    with JournalView.open(path) as view:
        found = view.read(after, max_records=100_000, max_bytes=1 << 30)
    assert all(isinstance(entry, Record) for entry in found)
    return {entry.seq: entry.body for entry in found if isinstance(entry, Record)}


def test_records_get_the_next_numbers_in_the_order_given(journal: Journal, path: Path) -> None:
    assert journal.last_seq == 0
    assert journal.append([draft(b"a"), draft(b"b")]) == 2
    assert journal.append([draft(b"c")]) == 3
    assert bodies(path) == {1: b"a", 2: b"b", 3: b"c"}


def test_everything_of_a_record_comes_back(journal: Journal, path: Path) -> None:
    journal.append([draft(b'{"x":"\xc3\xbc"}', kind="k/1", subject="Presse Süd", at="2026-11-03T08:00:00.5Z")])
    with JournalView.open(path) as view:
        assert view.read(0, max_records=1, max_bytes=1) == [
            Record(seq=1, kind="k/1", subject="Presse Süd", at="2026-11-03T08:00:00.5Z", body=b'{"x":"\xc3\xbc"}')
        ]


def test_the_journal_goes_on_where_it_stopped(path: Path) -> None:
    with Journal.open(path, max_bytes=MAX_BYTES) as first:
        first.append([draft(b"a")])
    with Journal.open(path, max_bytes=MAX_BYTES) as second:
        assert second.id == first.id
        assert second.append([draft(b"b")]) == 2
        assert second.recovered is None


def test_a_new_file_is_a_new_journal(path: Path, tmp_path: Path) -> None:
    with Journal.open(path, max_bytes=MAX_BYTES) as one, Journal.open(tmp_path / "other.db", max_bytes=MAX_BYTES) as other:
        assert one.id != other.id
        assert len(one.id) == 32


def test_directory_and_file_are_open_to_the_group_and_to_nobody_else(journal: Journal, path: Path) -> None:
    journal.append([draft()])
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (path.parent, path, path.with_name("journal.db-journal"))]
    assert modes == [0o750, 0o640, 0o640]


def test_a_commit_is_synced_and_leaves_no_wal(journal: Journal, path: Path) -> None:
    journal.append([draft()])
    assert journal._store.rows("PRAGMA journal_mode") == [("truncate",)]
    assert journal._store.rows("PRAGMA synchronous") == [(2,)]
    assert sorted(each.name for each in path.parent.iterdir()) == ["journal.db", "journal.db-journal"]


def test_numbers_of_trimmed_records_are_not_given_again(path: Path) -> None:
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        journal.append([draft(), draft(), draft()])
        assert journal.trim(2) == 2
        assert list(bodies(path)) == [3]
        assert journal.trim(99) == 1
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        assert journal.last_seq == 3
        assert journal.append([draft()]) == 4


def test_a_state_is_overwritten_not_appended(journal: Journal) -> None:
    journal.append([], [state(b"1"), state(b"2", subject="10.0.0.8"), state(b"3", kind="seen/1")])
    assert journal.append([], [state(b"4")]) == 0
    assert journal.states("endpoint/1") == {"10.0.0.7": state(b"4"), "10.0.0.8": state(b"2", subject="10.0.0.8")}
    assert journal.states("nothing/1") == {}


def test_a_record_and_the_state_it_implies_are_written_together_or_not_at_all(journal: Journal) -> None:
    with pytest.raises(ValueError, match="subject"):
        journal.append([draft()], [state(subject="")])
    assert journal.last_seq == 0
    assert journal.append([draft()], [state(b"1")]) == 1
    assert journal.states("endpoint/1") == {"10.0.0.7": state(b"1")}


def test_a_state_that_rotted_is_as_if_it_had_never_been_seen(path: Path) -> None:
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        journal.append([], [state(b"1"), state(b"2", subject="10.0.0.8")])
    foreign(path, "UPDATE state SET body = x'39' WHERE subject = '10.0.0.7'")
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        assert list(journal.states("endpoint/1")) == ["10.0.0.8"]


def test_what_was_durable_survives_twenty_kills_and_no_number_is_used_twice(path: Path) -> None:
    chance = random.Random(20261103)
    acknowledged: dict[int, str] = {}
    for name in range(20):
        command = [sys.executable, "-m", "tests.buffer.appender", str(path), str(name)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            lines = [child.stdout.readline() for _ in range(chance.randrange(1, 60))]
            child.kill()
            lines += child.stdout.readlines()
        for line in lines:
            if line.endswith("\n"):  # the last line may be cut short by the kill
                seq, body = line.split()
                assert int(seq) not in acknowledged
                acknowledged[int(seq)] = body
    with Journal.open(path, max_bytes=64 * 1024 * 1024) as journal:
        assert journal.recovered is None
        kept = bodies(path)
        assert {seq: kept[seq].decode() for seq in acknowledged} == acknowledged
        assert list(kept) == list(range(1, journal.last_seq + 1))


@pytest.mark.parametrize("seq", [3, MAX_SEQ], ids=["a copy that was put back", "a lie"])
def test_a_journal_that_its_watermark_is_ahead_of_is_begun_anew_with_all_that_it_holds(
    path: Path, tmp_path: Path, seq: int
) -> None:
    mark = tmp_path / "watermark"
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        journal.append([draft(b"a"), draft(b"b")], [state(b"1")])
        former = journal.id
    write_watermark(mark, former, seq)
    with Journal.open(path, max_bytes=MAX_BYTES, watermark_file=mark) as journal:
        assert journal.recovered is not None and journal.recovered.lost is None
        assert "went back in time" in journal.recovered.sentence
        assert journal.id != former
        assert bodies(path) == {1: b"a", 2: b"b"}
        assert journal.states("endpoint/1")["10.0.0.7"] == state(b"1")
    with Journal.open(path, max_bytes=MAX_BYTES, watermark_file=mark) as journal:  # it speaks of the former one now
        assert journal.recovered is None


def test_a_counter_that_is_behind_a_record_counts_no_loss(path: Path) -> None:
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        journal.append([draft(b"a"), draft(b"b"), draft(b"c")])
    foreign(path, "DELETE FROM record WHERE seq = 2", "UPDATE sqlite_sequence SET seq = 1")
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        assert journal.recovered is not None and journal.recovered.lost is None
        assert list(bodies(path).values()) == [b"a", b"c"]


@pytest.mark.parametrize("seq", [0, 2])
def test_a_journal_that_was_folded_to_its_end_did_not_go_back(path: Path, tmp_path: Path, seq: int) -> None:
    mark = tmp_path / "watermark"
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        journal.append([draft(b"a"), draft(b"b")])
        write_watermark(mark, journal.id, seq)
        journal.trim(seq)
    with Journal.open(path, max_bytes=MAX_BYTES, watermark_file=mark) as journal:
        assert (journal.recovered, journal.last_seq) == (None, 2)


def fill(journal: Journal) -> None:
    """Append pairs of records, each with a state that tells the number before it, until there is no room."""
    pairs = ([draft(bytes(3000)), draft(bytes(3000))] for _ in range(100))
    with pytest.raises(SpoolFullError):
        deque(journal.append(pair, [state(b"%d" % journal.last_seq)]) for pair in pairs)


def test_a_full_journal_says_so_leaves_nothing_behind_and_works_again_after_trimming(path: Path) -> None:
    with Journal.open(path, max_bytes=MIN_FILE_BYTES) as journal:
        fill(journal)
        before = journal.last_seq
        assert list(bodies(path)) == list(range(1, before + 1))
        assert journal.states("endpoint/1")["10.0.0.7"].body == b"%d" % (before - 2)
        assert journal.trim(before // 2) == before // 2
        assert journal.append([draft(bytes(3000))]) == before + 1
        assert path.stat().st_size <= MIN_FILE_BYTES


def test_the_cap_holds_after_opening_again(path: Path) -> None:
    for _ in range(2):
        with Journal.open(path, max_bytes=MIN_FILE_BYTES) as journal:
            fill(journal)
    assert path.stat().st_size <= MIN_FILE_BYTES


def test_a_reader_that_never_lets_go_is_named_in_bounded_time(journal: Journal, path: Path) -> None:
    reader = holder(path, "SHARED")
    with pytest.raises(SpoolBusyError):
        journal.append([draft()])
    reader.close()
    assert journal.append([draft()]) == 1


def test_a_sound_journal_is_opened_and_read_while_a_reader_never_lets_go(path: Path) -> None:
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        journal.append([draft(b"a")], [state(b"1")])
    reader = holder(path, "SHARED")
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        assert list(journal.states("endpoint/1")) == ["10.0.0.7"]
        assert (journal.last_seq, journal.recovered) == (1, None)
        reader.close()
        assert journal.append([draft(b"b")]) == 2


@pytest.mark.parametrize("byte", [0, 1], ids=["pending", "reserved"])
def test_no_lock_that_a_reader_can_take_keeps_a_sound_journal_from_being_opened(path: Path, byte: int) -> None:
    Journal.open(path, max_bytes=MAX_BYTES).close()
    with subprocess.Popen([sys.executable, "-c", LOCK_A_BYTE, str(path), str(byte)], stdout=subprocess.PIPE) as reader:
        assert reader.stdout is not None and reader.stdout.read(1) == b"x"
        Journal.open(path, max_bytes=MAX_BYTES).close()
        reader.kill()


LOCK_A_BYTE = """
import fcntl, os, sys, time
descriptor = os.open(sys.argv[1], os.O_RDONLY)
fcntl.lockf(descriptor, fcntl.LOCK_SH, 1, 0x40000000 + int(sys.argv[2]))  # SQLite's lock bytes begin at 1 GiB
os.write(1, b"x")
time.sleep(60)
"""


def test_a_killed_transaction_is_rolled_back_by_the_next_writer(path: Path) -> None:
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        journal.append([draft(b"a")])

    def spill_and_die() -> None:
        journal = Journal.open(path, max_bytes=MAX_BYTES)
        journal._store.run("PRAGMA cache_size = 1")
        journal._store.run("BEGIN IMMEDIATE")
        journal._store.run("UPDATE record SET body = zeroblob(200000)")
        journal._store.run("INSERT INTO record VALUES (2, 'k', 's', 't', zeroblob(200000), 0)")
        os._exit(9)

    assert in_child(spill_and_die) == 9
    with pytest.raises(SpoolBusyError, match="must open it first"):
        JournalView.open(path)
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        assert journal.recovered is None
        assert bodies(path) == {1: b"a"}


def spoil_header(path: Path) -> None:
    path.write_bytes(b"\xff" * 100 + path.read_bytes()[100:])


def spoil_root_page(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:8192] = b"\xff" * 4096
    path.write_bytes(content)


def spoil_a_page_of_records(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1024 * 8 : -1024 * 7] = bytes(1024)
    path.write_bytes(content)


def forbid_writing(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:18] + b"\x03" + path.read_bytes()[19:])  # a write version that no SQLite knows yet


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 + 100)


def replace_by_garbage(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(20_000))


def replace_by_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def replace_by_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def add_a_trigger(path: Path) -> None:
    foreign(path, "CREATE TRIGGER t AFTER INSERT ON record BEGIN DELETE FROM record; END")


def forget_the_id(path: Path) -> None:
    foreign(path, "DELETE FROM journal")


def turn_the_counter_back(path: Path) -> None:
    foreign(path, "UPDATE sqlite_sequence SET seq = 1")


def lose_the_counter(path: Path) -> None:
    foreign(path, "UPDATE sqlite_sequence SET seq = 'many'")


SPOILERS = [
    forbid_writing,
    spoil_header,
    spoil_root_page,
    spoil_a_page_of_records,
    truncate,
    replace_by_garbage,
    replace_by_directory,
    replace_by_link,
]
SPARING = [add_a_trigger, forget_the_id, lose_the_counter, turn_the_counter_back]  # every record can still be read
SPOILERS += [add_a_trigger, forget_the_id, turn_the_counter_back, lose_the_counter]


@pytest.mark.parametrize("spoil", SPOILERS)
def test_a_damaged_journal_is_set_aside_and_a_new_one_begun(path: Path, spoil) -> None:
    with Journal.open(path, max_bytes=MAX_BYTES) as before:
        before.append([draft(b"%d" % number + bytes(5000)) for number in range(5)])
    spoil(path)
    with Journal.open(path, max_bytes=MAX_BYTES) as after:
        assert after.recovered is not None
        assert "is kept as journal.db.damaged-1" in after.recovered.sentence
        assert after.id != before.id
        saved = [body[:1] for body in bodies(path).values()]
        assert saved == sorted(set(saved))
        if spoil in SPARING:
            assert saved == [b"0", b"1", b"2", b"3", b"4"]
        if after.recovered.lost is not None and spoil is not turn_the_counter_back:
            assert len(saved) + after.recovered.lost == 5
        assert after.append([draft(b"new")]) == len(saved) + 1
    assert path.with_name("journal.db.damaged-1").exists()


def test_a_zeroed_page_takes_only_its_own_records_with_it(path: Path) -> None:
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        journal.append([draft(b"%03d" % number + bytes(300)) for number in range(100)], [state(b"kept")])
    spoil_a_page_of_records(path)
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        saved = [body[:3] for body in bodies(path).values()]
        assert journal.recovered is not None and journal.recovered.lost == 100 - len(saved)
        assert 90 <= len(saved) < 100
        assert journal.states("endpoint/1")["10.0.0.7"].body == b"kept"


def test_what_was_folded_before_the_damage_is_not_brought_back(path: Path, tmp_path: Path) -> None:
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        journal.append([draft(b"one"), draft(b"two"), draft(b"three")])
        write_watermark(tmp_path / "watermark", journal.id, 2)
    add_a_trigger(path)
    with Journal.open(path, max_bytes=MAX_BYTES, watermark_file=tmp_path / "watermark") as journal:
        assert journal.recovered is not None and journal.recovered.lost == 0
    assert bodies(path) == {1: b"three"}


def test_a_recovery_that_dies_at_any_statement_is_repeated_by_the_next_start(path: Path) -> None:
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        journal.append([draft(b"%d" % number) for number in range(3)])
    add_a_trigger(path)
    image = {each.name: each.read_bytes() for each in path.parent.iterdir()}
    for statement in range(1, 200):
        code = in_child(lambda statement=statement: (die_at_statement(statement), Journal.open(path, max_bytes=MAX_BYTES)))
        with Journal.open(path, max_bytes=MAX_BYTES) as journal:
            assert code == 0 or journal.recovered is not None or statement > 10
        assert bodies(path) == {1: b"0", 2: b"1", 3: b"2"}
        if code == 0:
            break
        for each in path.parent.iterdir():
            each.unlink()
        for name, content in image.items():
            (path.parent / name).write_bytes(content)
    assert statement > 20


def test_a_journal_that_was_taken_away_takes_nothing_more(path: Path) -> None:
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        path.unlink()
        with pytest.raises(SpoolDamagedError, match="taken away"):
            journal.append([draft()])


def test_shedding_takes_the_oldest_and_never_the_newest_of_a_subject(journal: Journal, path: Path) -> None:
    journal.append([draft(b"rare", subject="rare"), *[draft(b"%d" % number) for number in range(32)]])
    assert journal.shed() == 3
    kept = list(bodies(path).values())
    assert kept == [b"rare", *[b"%d" % number for number in range(3, 32)]]
    for _ in range(200):
        journal.shed()
    assert list(bodies(path).values()) == [b"rare", b"31"]
    assert journal.append([draft(b"next")]) == 34


def test_a_journal_does_not_grow_into_what_must_stay_free_and_grows_again_later(path: Path) -> None:
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        journal.append([draft(bytes(100_000))])
        journal.respect(2**60)
        with pytest.raises(SpoolFullError):
            journal.append([draft(bytes(100_000))])
        journal.trim(1)
        journal.append([draft(bytes(90_000))])  # what it has, it may use
        journal.respect(0)
        journal.append([draft(bytes(100_000))])


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_bytes_are_in_the_file_the_next_start_can_write(path: Path, data: st.DataObject) -> None:
    if not path.exists():
        with Journal.open(path, max_bytes=MAX_BYTES) as journal:
            journal.append([draft(bytes(500))] * 20, [state()])
        path.rename(path.with_name("whole"))
    content = bytearray(path.with_name("whole").read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.one_of(st.integers(0, 100), st.integers(0, len(content) - 1)))
        junk = data.draw(st.binary(min_size=1, max_size=40))
        content[place : place + len(junk)] = junk
    path.write_bytes(content)
    try:
        journal = Journal.open(path, max_bytes=MAX_BYTES)
    except SpoolNewerError:
        return
    with journal:
        assert journal.append([draft(b"new")], [state(b"new")]) == journal.last_seq
        assert journal.states("endpoint/1")["10.0.0.7"] == state(b"new")
        assert bodies(path, journal.last_seq - 1) == {journal.last_seq: b"new"}


def test_a_journal_of_a_later_version_is_refused_and_left_untouched(path: Path) -> None:
    Journal.open(path, max_bytes=MAX_BYTES).close()
    foreign(path, "ALTER TABLE record ADD COLUMN clock TEXT", "PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(SpoolNewerError, match="schema version 99, and this program knows"):
        Journal.open(path, max_bytes=MAX_BYTES)
    assert path.read_bytes() == before


@pytest.mark.parametrize("bit", range(31))
def test_a_flipped_bit_of_the_version_is_damage_and_costs_nothing(path: Path, bit: int) -> None:
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        journal.append([draft(b"a")], [state(b"1")])
    foreign(path, f"PRAGMA user_version = {2 ^ (1 << bit)}")
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        assert journal.recovered is not None and journal.recovered.lost == 0
        assert (bodies(path), list(journal.states("endpoint/1"))) == ({1: b"a"}, ["10.0.0.7"])


def test_a_journal_that_another_process_holds_is_not_taken_for_damaged(path: Path) -> None:
    Journal.open(path, max_bytes=MAX_BYTES).close()
    other = holder(path, "EXCLUSIVE")
    with pytest.raises(SpoolBusyError):
        Journal.open(path, max_bytes=MAX_BYTES)
    other.close()
    assert sorted(each.name for each in path.parent.iterdir() if "damaged" in each.name) == []


def test_a_left_over_rollback_journal_cannot_act_on_a_new_file(path: Path) -> None:
    # What a power cut between the renames of `set_aside` leaves: the old file gone, its hot rollback journal still there.
    Journal.open(path, max_bytes=MAX_BYTES).close()

    def leave_hot_journal() -> None:
        journal = Journal.open(path, max_bytes=MAX_BYTES)
        journal._store.run("PRAGMA cache_size = 1")
        journal._store.run("BEGIN IMMEDIATE")
        journal._store.run("INSERT INTO record VALUES (1, 'k', 's', 't', zeroblob(200000), 0)")
        os._exit(9)

    assert in_child(leave_hot_journal) == 9
    assert path.with_name("journal.db-journal").stat().st_size > 0
    path.unlink()
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        assert journal.recovered is None
        assert journal.append([draft(b"new")]) == 1
    assert bodies(path) == {1: b"new"}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become a user who may not write here")
def test_a_journal_that_may_not_be_written_is_an_os_error_and_not_damage() -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "journal.db"
        Journal.open(path, max_bytes=MAX_BYTES).close()
        path.parent.chmod(0o755)
        path.chmod(0o644)

        def open_it() -> None:
            with pytest.raises(PermissionError):
                Journal.open(path, max_bytes=MAX_BYTES)

        assert in_child(open_it, uid=65501, gid=65501) == 0
        assert [each.name for each in path.parent.iterdir() if "damaged" in each.name] == []


def test_a_person_can_read_it_with_sql(journal: Journal, path: Path) -> None:
    journal.append([draft(b'{"firmware":"1.2"}')])
    question = "SELECT at, subject, json_extract(CAST(body AS TEXT), '$.firmware') FROM record"
    assert holder(path, "SHARED").execute(question).fetchall() == [(AT, "press-07", "1.2")]
