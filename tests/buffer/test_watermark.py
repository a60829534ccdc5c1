"""The watermark: one line that is believed whole or not at all."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buffer.limits import MAX_SEQ
from buffer.watermark import Watermark, read_watermark, write_watermark
from tests.buffer.samples import in_child

JOURNAL = "0123456789abcdef" * 2


@pytest.mark.parametrize("seq", [0, 1, MAX_SEQ])
def test_what_is_written_is_read(tmp_path: Path, seq: int) -> None:
    write_watermark(tmp_path / "watermark", JOURNAL, seq)
    assert read_watermark(tmp_path / "watermark") == Watermark(journal_id=JOURNAL, seq=seq)


def test_a_watermark_replaces_the_old_one_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    write_watermark(tmp_path / "watermark", JOURNAL, 1)
    write_watermark(tmp_path / "watermark", JOURNAL, 2)
    assert read_watermark(tmp_path / "watermark") == Watermark(journal_id=JOURNAL, seq=2)
    assert [path.name for path in tmp_path.iterdir()] == ["watermark"]


def test_another_user_of_the_group_may_read_it_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_watermark(tmp_path / "watermark", JOURNAL, 1)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "watermark").stat().st_mode) == 0o640


def test_a_half_written_watermark_of_a_power_cut_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "watermark.new").write_bytes(b"0123")
    write_watermark(tmp_path / "watermark", JOURNAL, 5)
    assert read_watermark(tmp_path / "watermark") == Watermark(journal_id=JOURNAL, seq=5)


def test_a_link_planted_for_the_writer_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / "watermark.new").symlink_to(tmp_path / "victim")
    write_watermark(tmp_path / "watermark", JOURNAL, 5)
    assert (tmp_path / "victim").read_bytes() == b"precious"


@pytest.mark.parametrize(("journal_id", "seq"), [(JOURNAL, -1), (JOURNAL, MAX_SEQ + 1), (JOURNAL.upper(), 1), ("", 1)])
def test_what_could_not_be_read_is_not_written(tmp_path: Path, journal_id: str, seq: int) -> None:
    with pytest.raises(ValueError, match="not a watermark"):
        write_watermark(tmp_path / "watermark", journal_id, seq)
    assert list(tmp_path.iterdir()) == []


def test_no_watermark_is_no_watermark(tmp_path: Path) -> None:
    assert read_watermark(tmp_path / "watermark") is None


def test_a_link_a_pipe_and_a_directory_are_no_watermarks_and_do_not_keep_the_reader_waiting(tmp_path: Path) -> None:
    write_watermark(tmp_path / "real", JOURNAL, 1)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    os.mkfifo(tmp_path / "pipe")
    assert [read_watermark(tmp_path / name) for name in ("link", "pipe", "")] == [None, None, None]


def test_an_endless_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    write_watermark(tmp_path / "watermark", JOURNAL, 1)
    os.truncate(tmp_path / "watermark", 1 << 40)
    assert read_watermark(tmp_path / "watermark") is None


@given(st.integers(0, MAX_SEQ), st.data())
def test_any_changed_byte_makes_it_unbelievable(tmp_path_factory: pytest.TempPathFactory, seq: int, data: st.DataObject) -> None:
    path = tmp_path_factory.getbasetemp() / "watermark"
    write_watermark(path, JOURNAL, seq)
    line = bytearray(path.read_bytes())
    line[data.draw(st.integers(0, len(line) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(line)
    assert read_watermark(path) is None


def test_a_reader_meets_the_old_or_the_new_one_while_another_process_writes(tmp_path: Path) -> None:
    path = tmp_path / "watermark"
    write_watermark(path, JOURNAL, 1)
    child = os.fork()
    if child == 0:
        for seq in range(2, 200):
            write_watermark(path, JOURNAL, seq)
        os._exit(0)
    seen = [read_watermark(path) for _ in range(500)]
    os.waitpid(child, 0)
    assert None not in seen
    numbers = [mark.seq for mark in seen if mark is not None]
    assert numbers == sorted(numbers)


def test_a_failed_write_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "watermark"
    write_watermark(path, JOURNAL, 1)
    if os.geteuid() != 0:
        pytest.skip("needs root to become a user who may not write here")
    tmp_path.chmod(0o755)

    def write() -> None:
        with pytest.raises(PermissionError):
            write_watermark(path, JOURNAL, 2)

    assert in_child(write, uid=65534, gid=65534) == 0
    assert read_watermark(path) == Watermark(journal_id=JOURNAL, seq=1)
