"""What becomes of a damaged file, and what of it goes when there is no room."""

from pathlib import Path

import pytest

from buffer.aside import forget_copies, forget_oldest, give_up, mark_unsaved, open_or_begin_anew, room_for, set_aside, unsaved
from buffer.errors import SpoolDamagedError, SpoolFullError
from buffer.limits import MIN_FILE_BYTES
from tests.buffer.samples import MAX_BYTES

THE_WHOLE_VOLUME = 2**60


def test_a_damaged_file_takes_its_sidecars_with_it(tmp_path: Path) -> None:
    for suffix in ("", "-journal", "-wal"):
        (tmp_path / f"x.db{suffix}").write_text(suffix)
    assert set_aside(tmp_path / "x.db").name == "x.db.damaged-1"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.db.damaged-1", "x.db.damaged-1-journal", "x.db.damaged-1-wal"]


def test_the_newest_two_damaged_files_are_kept(tmp_path: Path) -> None:
    for content in ("a", "b", "c", "d"):
        (tmp_path / "x.db").write_text(content)
        (tmp_path / "x.db-wal").write_text(content)
        set_aside(tmp_path / "x.db")
    kept = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert kept == {"x.db.damaged-3": "c", "x.db.damaged-3-wal": "c", "x.db.damaged-4": "d", "x.db.damaged-4-wal": "d"}


def test_names_that_are_not_ours_are_neither_counted_nor_deleted(tmp_path: Path) -> None:
    for name in ("x.db.damaged-old", "x.db.damaged-", "x.db.damaged-99999999999", "y.db.damaged-7", "x.db"):
        (tmp_path / name).touch()
    assert set_aside(tmp_path / "x.db").name == "x.db.damaged-1"
    assert len(list(tmp_path.iterdir())) == 5


def test_a_directory_in_the_place_of_a_file_is_moved_but_never_deleted(tmp_path: Path) -> None:
    (tmp_path / "x.db").mkdir()
    (tmp_path / "x.db" / "precious").touch()
    set_aside(tmp_path / "x.db")
    for _ in range(3):
        (tmp_path / "x.db").touch()
        set_aside(tmp_path / "x.db")
    assert (tmp_path / "x.db.damaged-1" / "precious").exists()


def copies(folder: Path, *numbers: int, size: int = 100) -> None:
    for number in numbers:
        (folder / f"x.db.damaged-{number}").write_bytes(bytes(size))


def test_copies_are_kept_only_while_the_floor_of_the_volume_is_free(tmp_path: Path) -> None:
    copies(tmp_path, 3, 4)
    assert forget_copies(tmp_path / "x.db", floor_bytes=0) == 0
    assert forget_copies(tmp_path / "x.db", floor_bytes=THE_WHOLE_VOLUME, spare="x.db.damaged-4") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["x.db.damaged-4"]
    assert forget_copies(tmp_path / "x.db", floor_bytes=THE_WHOLE_VOLUME) == 1


def test_the_oldest_copy_goes_first_and_one_to_be_saved_stays(tmp_path: Path) -> None:
    copies(tmp_path, 9, 10, 11)
    assert forget_oldest(tmp_path / "x.db", spare="x.db.damaged-11")
    assert not (tmp_path / "x.db.damaged-9").exists()
    assert forget_oldest(tmp_path / "x.db", spare="x.db.damaged-11")
    assert not forget_oldest(tmp_path / "x.db", spare="x.db.damaged-11")


def test_file_that_is_given_up_keeps_its_name_and_takes_no_room(tmp_path: Path) -> None:
    for suffix in ("", "-wal", "-journal"):
        (tmp_path / f"x.db.damaged-1{suffix}").write_bytes(bytes(100))
    give_up(tmp_path / "x.db.damaged-1")
    assert {path.name: path.stat().st_size for path in tmp_path.iterdir()} == {"x.db.damaged-1": 0}
    give_up(tmp_path / "x.db.damaged-2")


class Volume:
    """An opener on a volume with little room: what is set aside takes some of it, and what is carried over takes the rest."""

    def __init__(self, folder: Path, room: int) -> None:
        self.path = folder / "x.db"
        self.room = room
        self.tried: list[int] = []

    def open(self, saving_bytes: int) -> str:
        if self.path.exists():
            raise SpoolDamagedError("it rotted")
        self.tried.append(saving_bytes)
        aside = sum(path.stat().st_size for path in self.path.parent.iterdir() if ".damaged-" in path.name)
        if aside + saving_bytes > self.room:
            raise SpoolFullError("no room")
        return "opened"

    def begin(self, saving_bytes: int) -> str:
        return open_or_begin_anew(self.path, self.open, saving_bytes=saving_bytes, floor_bytes=0, broken="")


@pytest.mark.parametrize(
    ("room", "left", "carried"),
    [
        (800_000, [100_000, 300_000], 300_000),
        (600_000, [300_000], 300_000),
        (460_000, [300_000], 150_000),
        (300_000, [300_000], 0),
        (200_000, [0], 0),
    ],
)
def test_whatever_the_room_the_new_file_opens_and_no_more_goes_than_has_to(
    tmp_path: Path, room: int, left: list[int], carried: int
) -> None:
    copies(tmp_path, 1, size=100_000)
    volume = Volume(tmp_path, room)
    volume.path.write_bytes(bytes(300_000))
    assert volume.begin(300_000) == "opened"
    assert sorted(path.stat().st_size for path in tmp_path.iterdir()) == left
    assert volume.tried[-1] == carried
    assert unsaved(volume.path) is None


def test_file_for_which_there_is_no_room_at_all_is_waited_for_and_nothing_is_tried_for_ever(tmp_path: Path) -> None:
    volume = Volume(tmp_path, -1)
    volume.path.write_bytes(bytes(3_000_000))
    with pytest.raises(SpoolFullError):
        volume.begin(3_000_000)
    assert len(volume.tried) < 12
    assert unsaved(volume.path) is not None  # what became of it is still to be said


def test_sound_file_without_room_to_open_takes_that_of_the_copies(tmp_path: Path) -> None:
    copies(tmp_path, 1, 2)
    assert Volume(tmp_path, 100).begin(0) == "opened"
    assert [path.name for path in tmp_path.iterdir()] == ["x.db.damaged-2"]


def test_new_file_may_become_as_large_as_the_damaged_one_whatever_the_floor(tmp_path: Path) -> None:
    wreck = tmp_path / "x.db.damaged-1"
    wreck.write_bytes(bytes(500_000))
    limits = {"max_bytes": MAX_BYTES, "floor_bytes": THE_WHOLE_VOLUME, "log_bytes": 1000}
    assert room_for(tmp_path / "x.db", None, **limits) == MIN_FILE_BYTES
    assert room_for(tmp_path / "x.db", wreck, **limits) == 500_000
    assert room_for(tmp_path / "x.db", wreck, **{**limits, "max_bytes": 100_000}) == 100_000


def test_cap_that_is_too_small_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least"):
        room_for(tmp_path / "new" / "x.db", None, max_bytes=1, floor_bytes=0, log_bytes=0)
    assert room_for(tmp_path / "new" / "x.db", None, max_bytes=MAX_BYTES, floor_bytes=0, log_bytes=0) == MAX_BYTES


def test_cause_is_remembered_until_all_is_saved(tmp_path: Path) -> None:
    (tmp_path / "x.db").touch()
    mark_unsaved(tmp_path / "x.db", "it rotted")
    aside = set_aside(tmp_path / "x.db")
    assert unsaved(tmp_path / "x.db") == (aside, "it rotted")
