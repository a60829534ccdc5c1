"""Where a role leaves its word, and that nothing strange that lies there is believed or waited for."""

import os
from pathlib import Path

import pytest

from agent.status.files import MAX_BYTES, NAME, place, read, write
from tests.agent.core.test_status import word

STATE = Path("/var/lib/nameplated")


def left(run_dir: Path, role: str = "collect", **changed: object) -> Path:
    path = run_dir / role / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, word(role, **changed))
    return path


def test_a_unit_writes_where_systemd_made_room_for_its_role_and_anybody_else_beside_the_spool() -> None:
    both = {"RUNTIME_DIRECTORY": "/run/nameplated/collect:/run/nameplated/publish"}
    assert place("publish", STATE, both) == Path("/run/nameplated/publish/status.json")
    assert place("publish", STATE, {}) == STATE / "publish" / "status.json"


def test_what_was_left_is_read_and_only_the_group_may_read_it(tmp_path: Path) -> None:
    path = left(tmp_path)
    assert read("collect", STATE, run_dir=tmp_path) == word()
    assert path.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in path.parent.iterdir()] == [NAME]


@pytest.mark.parametrize("levels", [100, 900, 3_000, 100_000])
def test_a_word_that_is_nested_without_end_is_no_word(tmp_path: Path, levels: int) -> None:
    path = left(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"started":{', b'"started":{"x":' + b"[" * levels + b"]" * levels + b","))
    assert read("collect", STATE, run_dir=tmp_path) is None


def test_the_last_word_replaces_the_one_before(tmp_path: Path) -> None:
    left(tmp_path)
    left(tmp_path, ended="told to stop")
    found = read("collect", STATE, run_dir=tmp_path)
    assert found is not None and found.ended == "told to stop"


def test_word_of_another_gateway_on_this_machine_is_not_ours(tmp_path: Path) -> None:
    left(tmp_path)
    assert read("collect", Path("/srv/other"), run_dir=tmp_path) is None
    assert read("collect", None, run_dir=tmp_path) is not None


def test_word_of_another_role_is_not_believed(tmp_path: Path) -> None:
    left(tmp_path).rename(tmp_path / "x")
    (tmp_path / "publish").mkdir()
    (tmp_path / "x").rename(tmp_path / "publish" / NAME)
    assert read("publish", STATE, run_dir=tmp_path) is None


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"role":"collect"}', b" " * (MAX_BYTES + 1)])
def test_nonsense_is_no_word(content: bytes, tmp_path: Path) -> None:
    left(tmp_path).write_bytes(content)
    assert read("collect", STATE, run_dir=tmp_path) is None


def test_a_pipe_or_a_link_in_its_place_is_not_waited_for_and_not_followed(tmp_path: Path) -> None:
    path = left(tmp_path)
    path.rename(tmp_path / "real")
    path.symlink_to(tmp_path / "real")
    assert read("collect", STATE, run_dir=tmp_path) is None
    path.unlink()
    os.mkfifo(path)
    assert read("collect", STATE, run_dir=tmp_path) is None


def test_a_role_that_cannot_write_says_so_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    path = tmp_path / "collect" / NAME
    path.mkdir(parents=True)
    (path / "in the way").touch()
    with pytest.raises(OSError):
        write(path, word())
    assert [one.name for one in path.parent.iterdir()] == [NAME]
