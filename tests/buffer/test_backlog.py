"""What collect holds in memory: said in one line, believed whole or not at all, and taken back when nothing waits."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buffer.backlog import Backlog, backlog_file, read_backlog, write_backlog


@pytest.mark.parametrize("backlog", [Backlog(held=1, given_up=0, stuck_s=0), Backlog(held=1000, given_up=7, stuck_s=1_209_600)])
def test_what_is_written_is_read(tmp_path: Path, backlog: Backlog) -> None:
    path = backlog_file(tmp_path / "journal.db")
    write_backlog(path, backlog)
    assert read_backlog(path) == backlog
    assert [each.name for each in tmp_path.iterdir()] == ["journal.db.backlog"]


def test_nothing_that_waits_is_no_file(tmp_path: Path) -> None:
    write_backlog(tmp_path / "backlog", Backlog(held=1, given_up=0, stuck_s=0))
    write_backlog(tmp_path / "backlog", None)
    write_backlog(tmp_path / "backlog", None)
    assert read_backlog(tmp_path / "backlog") is None
    assert list(tmp_path.iterdir()) == []


def test_numbers_end_where_a_reader_stops_believing_them(tmp_path: Path) -> None:
    write_backlog(tmp_path / "backlog", Backlog(held=1, given_up=10**12, stuck_s=3))
    assert read_backlog(tmp_path / "backlog") == Backlog(held=1, given_up=9_999_999_999, stuck_s=3)


def test_another_user_of_the_group_may_read_it_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_backlog(tmp_path / "backlog", Backlog(held=1, given_up=0, stuck_s=0))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "backlog").stat().st_mode) == 0o640


@given(st.binary(max_size=80))
def test_any_other_bytes_say_nothing(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("backlog") / "backlog"
    path.write_bytes(content)
    assert read_backlog(path) is None
