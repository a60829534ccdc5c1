"""The end of a chain beside its outbox: one line that is believed whole or not at all."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buffer.chainend import ChainEnd, chain_end_file, read_chain_end, write_chain_end
from buffer.limits import MAX_SEQ

EPOCH = "01934a00-0000-7000-8000-000000000001"
HEAD = "sxE69ys1C-fpJaPz1ArhJ2QG4t7t0ziJfdI6t_BW42U"


@pytest.mark.parametrize("end", [ChainEnd(epoch=EPOCH, seq=0, head=HEAD), ChainEnd(epoch="e" * 64, seq=MAX_SEQ, head="_" * 86)])
def test_what_is_written_is_read(tmp_path: Path, end: ChainEnd) -> None:
    path = chain_end_file(tmp_path / "outbox.db")
    write_chain_end(path, ChainEnd(epoch=EPOCH, seq=1, head=HEAD))
    write_chain_end(path, end)
    assert read_chain_end(path) == end
    assert [each.name for each in tmp_path.iterdir()] == ["outbox.db.end"]


def test_it_is_its_users_alone(tmp_path: Path) -> None:
    write_chain_end(tmp_path / "end", ChainEnd(epoch=EPOCH, seq=1, head=HEAD))
    assert stat.S_IMODE((tmp_path / "end").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "end", [(EPOCH, -1, HEAD), (EPOCH, MAX_SEQ + 1, HEAD), ("E\n", 1, HEAD), (EPOCH, 1, ""), (EPOCH, 1, "ä")]
)
def test_what_could_not_be_read_is_not_written(tmp_path: Path, end: tuple[str, int, str]) -> None:
    epoch, seq, head = end
    with pytest.raises(ValueError, match="not the end of a chain"):
        write_chain_end(tmp_path / "end", ChainEnd(epoch=epoch, seq=seq, head=head))
    assert not (tmp_path / "end").exists()


@given(st.integers(0, MAX_SEQ), st.data())
def test_any_changed_byte_makes_it_unbelievable(tmp_path_factory: pytest.TempPathFactory, seq: int, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("end") / "end"
    write_chain_end(path, ChainEnd(epoch=EPOCH, seq=seq, head=HEAD))
    line = bytearray(path.read_bytes())
    line[data.draw(st.integers(0, len(line) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(line)
    assert read_chain_end(path) is None


def test_what_is_not_there_a_link_and_an_endless_file_say_nothing(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/dev/zero")
    (tmp_path / "long").write_bytes(b"0" * 100_000)
    assert [read_chain_end(tmp_path / name) for name in ("none", "link", "long")] == [None, None, None]
