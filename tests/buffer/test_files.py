"""Directories, names, and what becomes of a damaged file."""

import os
import stat
from pathlib import Path

import pytest

from buffer.files import identity_of, make_directory, make_file, set_aside


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def mask() -> object:
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.usefixtures("mask")
def test_modes_do_not_depend_on_the_umask(tmp_path: Path) -> None:
    make_directory(tmp_path / "spool", 0o750)
    make_file(tmp_path / "spool" / "journal.db", 0o640)
    assert mode_of(tmp_path / "spool") == 0o750 and mode_of(tmp_path / "spool" / "journal.db") == 0o640


def test_what_exists_is_left_as_its_owner_wants_it(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"kept")
    (tmp_path / "journal.db").chmod(0o600)
    tmp_path.chmod(0o711)
    make_directory(tmp_path, 0o750)
    make_file(tmp_path / "journal.db", 0o640)
    assert (tmp_path / "journal.db").read_bytes() == b"kept"
    assert mode_of(tmp_path) == 0o711 and mode_of(tmp_path / "journal.db") == 0o600


def test_only_a_regular_file_has_an_identity(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")
    assert identity_of(tmp_path / "file") is not None
    assert [identity_of(tmp_path / name) for name in ("link", "pipe", "")] == [None, None, None]


def test_a_file_in_the_place_of_another_has_another_identity(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.touch()
    second.touch()
    before = identity_of(first)
    second.rename(first)
    assert identity_of(first) != before


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
