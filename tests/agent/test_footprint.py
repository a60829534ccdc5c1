"""What a process takes, read from files that the kernel keeps."""

from pathlib import Path

from agent.footprint import rss_bytes, written_bytes


def test_this_process_takes_memory_and_its_writes_never_become_fewer() -> None:
    assert 5_000_000 < rss_bytes() < 2_000_000_000
    assert 0 <= written_bytes() <= written_bytes()


def test_written_bytes_are_those_that_reach_a_disk_and_not_those_that_were_taken_back(tmp_path: Path) -> None:
    (tmp_path / "io").write_text("wchar: 9\nread_bytes: 1\nwrite_bytes: 4096\ncancelled_write_bytes: 7\n")
    assert written_bytes(tmp_path) == 4096


def test_where_the_kernel_does_not_say_it_is_nothing(tmp_path: Path) -> None:
    assert (written_bytes(tmp_path), rss_bytes(tmp_path)) == (0, 0)
