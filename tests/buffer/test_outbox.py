"""The outbox: in order, all or nothing, one envelope for one number, and one user."""

import os
import stat
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buffer.errors import SpoolBusyError, SpoolDamagedError, SpoolFullError, SpoolNewerError
from buffer.limits import MIN_FILE_BYTES
from buffer.outbox import DAMAGED, MAX_NOTE_BYTES, DamagedParcel, Depth, Outbox, Parcel, Stored, parcel_from
from buffer.record import Row
from buffer.wreck import Wreck
from tests.buffer.samples import AT, MAX_BYTES, die_at_statement, foreign, in_child, parcel


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool" / "outbox.db"


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    with Outbox.open(path, max_bytes=MAX_BYTES) as opened:
        yield opened


def numbers(entries: list[Stored | DamagedParcel]) -> list[tuple[str, int]]:
    return [(entry.epoch, entry.seq) for entry in entries if isinstance(entry, Stored)]


def test_parcels_come_back_whole_and_in_the_order_of_the_fold(outbox: Outbox) -> None:
    outbox.commit([parcel(1), parcel(2, token=b"\x00\xff")], {})
    outbox.commit([parcel(1, epoch="e2")], {})
    assert numbers(outbox.pending(0, limit=9)) == [("e1", 1), ("e1", 2), ("e2", 1)]
    assert outbox.pending(1, limit=1) == [
        Stored(position=2, epoch="e1", seq=2, kind="asset/1", subject="press-07", at=AT, token=b"\x00\xff", digest=b"\x01" * 32)
    ]
    assert outbox.pending(3, limit=9) == []


def test_notes_are_overwritten_by_name(outbox: Outbox) -> None:
    assert outbox.notes() == {}
    outbox.commit([], {"head": b"\x01", "watermark": b"7"})
    outbox.commit([], {"watermark": b"8"})
    assert outbox.notes() == {"head": b"\x01", "watermark": b"8"}


def test_parcels_and_notes_survive_closing(path: Path) -> None:
    with Outbox.open(path, max_bytes=MAX_BYTES) as outbox:
        outbox.commit([parcel(1)], {"head": b"1"})
    with Outbox.open(path, max_bytes=MAX_BYTES) as outbox:
        assert numbers(outbox.pending(0, limit=9)) == [("e1", 1)]
        assert outbox.notes() == {"head": b"1"}
        assert outbox.damaged is None


def test_a_receipt_settles_its_epoch_up_to_its_sequence_and_nothing_else(outbox: Outbox) -> None:
    outbox.commit([parcel(1), parcel(1, epoch="e2"), parcel(2), parcel(3)], {})
    assert outbox.settle("e1", 2, {"receipt": b"2"}) == 2
    assert numbers(outbox.pending(0, limit=9)) == [("e2", 1), ("e1", 3)]
    assert outbox.notes() == {"receipt": b"2"}
    assert outbox.settle("e1", 2) == 0


def test_single_positions_can_be_settled(outbox: Outbox) -> None:
    outbox.commit([parcel(1), parcel(2), parcel(3)], {})
    assert outbox.settle_positions({1, 3, 99}) == 2
    assert outbox.settle_positions([]) == 0
    assert numbers(outbox.pending(0, limit=9)) == [("e1", 2)]


def test_positions_are_not_given_again_after_all_is_settled(path: Path) -> None:
    with Outbox.open(path, max_bytes=MAX_BYTES) as outbox:
        outbox.commit([parcel(1), parcel(2)], {})
        outbox.settle("e1", 2)
    with Outbox.open(path, max_bytes=MAX_BYTES) as outbox:
        outbox.commit([parcel(3)], {})
        assert [entry.position for entry in outbox.pending(0, limit=9)] == [3]


def test_a_parcel_is_found_by_its_place_in_its_chain(outbox: Outbox) -> None:
    outbox.commit([parcel(seq) for seq in range(1, 6)], {})
    found = outbox.find("e1", 4)
    assert isinstance(found, Stored)
    assert (found.position, found.seq) == (4, 4)
    assert outbox.find("e1", 6) is None
    assert outbox.find("e2", 4) is None
    assert numbers(outbox.span("e1", 2, 9, limit=3)) == [("e1", 2), ("e1", 3), ("e1", 4)]


def test_depth_tells_how_much_waits_and_since_when(outbox: Outbox) -> None:
    assert outbox.depth() == Depth(count=0, used_bytes=outbox.depth().used_bytes, oldest_at=None)
    empty = outbox.depth().used_bytes
    outbox.commit([parcel(seq, token=bytes(4000)) for seq in range(1, 21)], {})
    full = outbox.depth()
    assert (full.count, full.oldest_at) == (20, AT)
    assert empty + 80_000 <= full.used_bytes <= empty + 100_000
    outbox.settle("e1", 20)
    assert outbox.depth() == Depth(count=0, used_bytes=empty, oldest_at=None)


def test_a_second_envelope_for_the_same_number_is_refused(outbox: Outbox) -> None:
    outbox.commit([parcel(1)], {"head": b"1"})
    with pytest.raises(ValueError, match="epoch"):
        outbox.commit([parcel(2), parcel(1, token=b"another")], {"head": b"2"})
    assert numbers(outbox.pending(0, limit=9)) == [("e1", 1)]
    assert outbox.notes() == {"head": b"1"}


BAD_PARCELS = [
    parcel(-1),
    parcel(2**53),
    parcel(1, epoch=""),
    parcel(1, token=bytes(262_145)),
    Parcel(epoch="e", seq=1, kind="k", subject="s", at="now", token=b"", digest=b""),
    Parcel(epoch="e", seq=1, kind="k", subject="s", at=AT, token=b"", digest=bytes(65)),
]


@pytest.mark.parametrize("bad", BAD_PARCELS)
def test_a_parcel_beyond_its_bounds_is_refused_with_all_that_came_with_it(outbox: Outbox, bad: Parcel) -> None:
    with pytest.raises(ValueError):
        outbox.commit([parcel(7), bad], {"head": b"1"})
    assert outbox.depth().count == 0
    assert outbox.notes() == {}


@pytest.mark.parametrize("bad", [{"": b""}, {"a\n": b""}, {"a": bytes(MAX_NOTE_BYTES + 1)}])
def test_a_note_beyond_its_bounds_is_refused_with_all_that_came_with_it(outbox: Outbox, bad: dict[str, bytes]) -> None:
    with pytest.raises(ValueError, match="note"):
        outbox.commit([parcel(1)], {"head": b"1", **bad})
    assert outbox.depth().count == 0
    assert outbox.notes() == {}


def test_directory_and_file_are_its_users_alone(outbox: Outbox, path: Path) -> None:
    outbox.commit([parcel(1)], {})
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (path.parent, path, path.with_name("outbox.db-wal"))]
    assert modes == [0o700, 0o600, 0o600]


def test_a_commit_is_synced_and_shares_no_memory(outbox: Outbox, path: Path) -> None:
    outbox.commit([parcel(1)], {})
    assert outbox._store.rows("PRAGMA journal_mode") == [("wal",)]
    assert outbox._store.rows("PRAGMA synchronous") == [(2,)]
    assert sorted(each.name for each in path.parent.iterdir()) == ["outbox.db", "outbox.db-wal"]


def test_a_second_connection_is_refused_while_it_is_open(outbox: Outbox, path: Path) -> None:
    outbox.commit([parcel(1)], {})

    def open_too() -> None:
        with pytest.raises(SpoolBusyError):
            Outbox.open(path, max_bytes=MAX_BYTES)

    assert in_child(open_too) == 0
    outbox.close()
    with Outbox.open(path, max_bytes=MAX_BYTES) as next_one:
        assert next_one.damaged is None


def fill(outbox: Outbox) -> int:
    """Commit until there is no room; return how many parcels were kept."""
    with pytest.raises(SpoolFullError):
        deque(outbox.commit([parcel(seq, token=bytes(2000))], {"head": b"%03d" % seq}) for seq in range(1, 1000))
    return outbox.depth().count


def test_a_full_outbox_says_so_and_settling_makes_it_work_again(path: Path) -> None:
    with Outbox.open(path, max_bytes=MIN_FILE_BYTES) as outbox:
        kept = fill(outbox)
        assert outbox.notes() == {"head": b"%03d" % kept}
        assert outbox.settle("e1", kept // 2, {"receipt": b"1"}) == kept // 2
        outbox.commit([parcel(kept + 1, token=bytes(2000))], {"head": b"new"})
        assert outbox.depth().used_bytes <= MIN_FILE_BYTES
    assert path.stat().st_size <= MIN_FILE_BYTES


def test_the_wal_beside_the_file_stays_small(path: Path) -> None:
    with Outbox.open(path, max_bytes=16 * 1024 * 1024) as outbox:
        for batch in range(100):
            outbox.commit([parcel(batch * 20 + seq, token=bytes(2000)) for seq in range(1, 21)], {"head": b"%d" % batch})
            outbox.settle("e1", batch * 20)
        assert path.with_name("outbox.db-wal").stat().st_size <= 2 * 1024 * 1024


def committed(path: Path) -> bytes:
    with Outbox.open(path, max_bytes=MAX_BYTES) as outbox:
        outbox.commit([parcel(1, token=b"one"), parcel(2, token=b"two"), parcel(3, token=b"three")], {"head": b"3"})
    return path.read_bytes()


ROTTEN = ["token = x'00'", "seq = 9", "epoch = 'e9'", "crc = 0", "kind = CAST(x'ff' AS TEXT)", "digest = x''"]


@pytest.mark.parametrize("change", ROTTEN)
def test_a_parcel_that_rotted_is_named_and_what_is_behind_it_still_goes(path: Path, change: str) -> None:
    committed(path)
    foreign(path, f"UPDATE parcel SET {change} WHERE position = 2")
    with Outbox.open(path, max_bytes=MAX_BYTES) as outbox:
        first, second, third = outbox.pending(0, limit=9)
        assert isinstance(first, Stored)
        assert isinstance(second, DamagedParcel)
        assert isinstance(third, Stored)
        assert outbox.settle_positions([second.position]) == 1
        assert numbers(outbox.pending(0, limit=9)) == [("e1", 1), ("e1", 3)]


anything = st.one_of(st.none(), st.integers(), st.floats(), st.text(), st.binary())


@given(st.tuples(*[anything] * 8))
def test_any_row_is_a_parcel_or_a_damaged_one(row: Row) -> None:
    assert isinstance(parcel_from(1, row), Stored | DamagedParcel)


def garbage(path: Path) -> None:
    path.write_bytes(b"\xa5" * 9000)


def rotten_note(path: Path) -> None:
    foreign(path, "UPDATE note SET value = x'34'")


def counter_turned_back(path: Path) -> None:
    foreign(path, "UPDATE sqlite_sequence SET seq = 1")


def foreign_trigger(path: Path) -> None:
    foreign(path, "CREATE TRIGGER t AFTER INSERT ON parcel BEGIN DELETE FROM parcel; END")


@pytest.mark.parametrize("spoil", [garbage, rotten_note, counter_turned_back, foreign_trigger])
def test_a_damaged_outbox_is_set_aside_and_a_new_one_begun(path: Path, spoil: Callable[[Path], None]) -> None:
    committed(path)
    spoil(path)
    with Outbox.open(path, max_bytes=MAX_BYTES) as outbox:
        assert outbox.damaged is not None and outbox.damaged[0] == "outbox.db.damaged-1"
        assert outbox.notes().keys() == {DAMAGED}
        outbox.commit([parcel(1, epoch="e2")], {"head": b"1", DAMAGED: b""})
    with Outbox.open(path, max_bytes=MAX_BYTES) as outbox:
        assert outbox.damaged is None
        assert outbox.depth().count == 1


def test_an_outbox_that_is_damaged_at_every_start_never_stops_the_program(path: Path) -> None:
    for start in range(1, 6):
        Outbox.open(path, max_bytes=MAX_BYTES).close()
        garbage(path)
        with Outbox.open(path, max_bytes=MAX_BYTES) as outbox:
            assert outbox.damaged is not None and outbox.damaged[0] == f"outbox.db.damaged-{start}"
    assert len([each for each in path.parent.iterdir() if ".damaged-" in each.name]) == 2


def test_a_note_that_rots_while_the_outbox_is_open_is_not_believed(outbox: Outbox) -> None:
    outbox.commit([], {"head": b"1"})
    outbox._store.run("UPDATE note SET value = x'32'")
    with pytest.raises(SpoolDamagedError, match="note"):
        outbox.notes()


def test_an_outbox_of_a_later_version_is_refused_and_left_untouched(path: Path) -> None:
    committed(path)
    foreign(path, "ALTER TABLE note ADD COLUMN at TEXT", "PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(SpoolNewerError):
        Outbox.open(path, max_bytes=MAX_BYTES)
    assert path.read_bytes() == before


def test_a_left_over_wal_cannot_act_on_a_new_file(path: Path) -> None:
    # What a power cut between the renames of `set_aside` leaves: the old file gone, its WAL still there.
    def leave_wal() -> None:
        outbox = Outbox.open(path, max_bytes=MAX_BYTES)
        outbox.commit([parcel(1)], {"head": b"old"})
        os._exit(9)

    assert in_child(leave_wal) == 9
    assert path.with_name("outbox.db-wal").stat().st_size > 0
    path.unlink()
    with Outbox.open(path, max_bytes=MAX_BYTES) as outbox:
        assert outbox.damaged is None
        assert outbox.notes() == {}
        assert outbox.depth().count == 0


def contents(path: Path) -> tuple[list[tuple[str, int]], dict[str, bytes]]:
    with Outbox.open(path, max_bytes=MAX_BYTES) as outbox:
        assert outbox.damaged is None
        return numbers(outbox.pending(0, limit=99)), outbox.notes()


def test_a_fold_that_dies_at_any_statement_happened_completely_or_not_at_all(path: Path) -> None:
    with Outbox.open(path, max_bytes=MAX_BYTES) as outbox:
        outbox.commit([parcel(1)], {"head": b"1", "watermark": b"1"})
    before = contents(path)
    after = ([("e1", 2), ("e1", 3), ("e1", 4)], {"head": b"4", "watermark": b"9"})
    half = ([("e1", seq) for seq in range(1, 5)], after[1])
    seen = []
    for statement in range(1, 200):
        image = {each.name: each.read_bytes() for each in path.parent.iterdir()}

        def fold(statement: int = statement) -> None:
            die_at_statement(statement)
            outbox = Outbox.open(path, max_bytes=MAX_BYTES)
            outbox.commit([parcel(2), parcel(3), parcel(4)], {"head": b"4", "watermark": b"9"})
            outbox.settle("e1", 1)
            outbox.close()

        code = in_child(fold)
        seen.append(contents(path))
        if code == 0:
            break
        for each in path.parent.iterdir():
            each.unlink()
        for name, content in image.items():
            (path.parent / name).write_bytes(content)
    assert seen[-1] == after
    assert [state for state in seen if state not in (before, half, after)] == []
    assert seen.count(before) > 15
    assert seen.count(half) > 1
    assert seen == sorted(seen, key=[before, half, after].index)


def test_a_first_start_that_dies_at_any_statement_can_be_repeated(tmp_path: Path) -> None:
    for statement in range(1, 200):
        path = tmp_path / str(statement) / "outbox.db"

        def start(statement: int = statement, path: Path = path) -> None:
            die_at_statement(statement)
            Outbox.open(path, max_bytes=MAX_BYTES).close()

        code = in_child(start)
        assert contents(path) == ([], {})
        if code == 0:
            break
    assert statement > 20


def test_what_is_dropped_and_the_word_that_it_was_are_one_transaction(path: Path) -> None:
    with Outbox.open(path, max_bytes=MAX_BYTES) as outbox:
        outbox.commit([parcel(1), parcel(2), parcel(3)], {})
        with pytest.raises(ValueError, match="UNIQUE"):
            outbox.commit([parcel(3)], {}, drop=[1, 2])
        assert numbers(outbox.pending(0, limit=9)) == [("e1", 1), ("e1", 2), ("e1", 3)]
        assert outbox.commit([parcel(4)], {}, drop=[1, 2]) == 4
        assert outbox.places("e1") == [(3, 3), (4, 4)]


def test_the_newest_of_each_kind_and_subject_and_the_other_chains_are_told(outbox: Outbox) -> None:
    outbox.commit([parcel(1), parcel(2), parcel(1, epoch="e2")], {})
    assert outbox.newest() == {3}
    assert outbox.outside("e2") == [1, 2]
    assert [entry.position for entry in outbox.of_kind("asset/1")] == [1, 2, 3]
    assert outbox.of_kind("gap/1") == []


def test_an_outbox_does_not_grow_into_what_must_stay_free_and_grows_again_later(outbox: Outbox) -> None:
    outbox.commit([parcel(1, token=bytes(100_000))], {})
    outbox.respect(2**60)
    with pytest.raises(SpoolFullError):
        outbox.commit([parcel(2, token=bytes(200_000))], {})
    outbox.respect(0)
    outbox.commit([parcel(2, token=bytes(200_000))], {})


def test_a_wreck_gives_what_can_still_be_believed(path: Path) -> None:
    with Outbox.open(path, max_bytes=MAX_BYTES) as outbox:
        outbox.commit([parcel(seq, token=bytes(300)) for seq in range(1, 41)], {"head": b"40", "other": b"x"})
    foreign(path, "UPDATE parcel SET token = x'00' WHERE position = 7", "UPDATE note SET value = x'00' WHERE name = 'head'")
    content = bytearray(path.read_bytes())
    content[1024 * 20 : 1024 * 21] = bytes(1024)
    path.write_bytes(content)
    wreck = Wreck(path)
    assert wreck.notes() == {"other": b"x"}
    first = wreck.parcels(0, limit=6)
    assert [entry.seq for entry in first] == [1, 2, 3, 4, 5, 6]
    rest = wreck.parcels(first[-1].position, limit=99)
    assert rest[0].seq == 8 and 25 <= len(rest) < 33
    assert path.read_bytes() == content


def test_a_wreck_with_a_wal_gives_what_is_in_the_wal_and_stays_as_it_is(path: Path) -> None:
    def leave_wal() -> None:
        Outbox.open(path, max_bytes=MAX_BYTES).commit([parcel(1), parcel(2)], {"head": b"2"})
        os._exit(9)

    assert in_child(leave_wal) == 9
    before = {each.name: each.read_bytes() for each in path.parent.iterdir() if each.suffix != ".db-shm"}
    assert [entry.seq for entry in Wreck(path).parcels(0, limit=9)] == [1, 2]
    assert {each.name: each.read_bytes() for each in path.parent.iterdir() if each.suffix != ".db-shm"} == before


@pytest.mark.parametrize("content", [b"", b"no database", bytes(8192)])
def test_a_wreck_of_which_nothing_is_left_gives_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    for name in ("x", "missing", "."):
        wreck = Wreck(tmp_path / name)
        assert (wreck.parcels(0, limit=9), wreck.notes()) == ([], {})


def test_no_shared_memory_is_made_so_that_a_volume_without_a_free_block_stops_no_start(tmp_path: Path) -> None:
    with Outbox.open(tmp_path / "outbox.db", max_bytes=MAX_BYTES) as outbox:
        outbox.commit([parcel(1)], {})
        assert sorted(path.name for path in tmp_path.iterdir()) == ["outbox.db", "outbox.db-wal"]
    with Outbox.open(tmp_path / "outbox.db", max_bytes=MAX_BYTES):
        assert not (tmp_path / "outbox.db-shm").exists()


def test_newest_sizes_are_told_by_subject(tmp_path: Path) -> None:
    with Outbox.open(tmp_path / "outbox.db", max_bytes=MAX_BYTES) as outbox:
        outbox.commit([parcel(1, token=bytes(50)), parcel(2, token=bytes(70))], {})
        assert outbox.newest_sizes("asset/1") == {"press-07": 70}
        assert outbox.newest_sizes("ledger/1") == {}
