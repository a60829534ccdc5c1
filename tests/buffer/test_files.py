"""Directories, names and small files."""

import os
import stat
from pathlib import Path

import pytest

from buffer.files import identity_of, make_directory, make_file


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
