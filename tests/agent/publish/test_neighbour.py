"""publish sees of collect what that leaves in memory: a file of another user, bounded, and only of its own gateway."""

from pathlib import Path

from agent.publish.neighbour import neighbour
from agent.status import files
from tests.agent.core.looks import moment
from tests.agent.core.test_status import word


def leave(folder: Path, **changed: object) -> None:
    (folder / "collect").mkdir(parents=True, exist_ok=True)
    files.write(folder / "collect" / files.NAME, word(**changed))


def seen(run_dir: Path, state_dir: Path = Path("/var/lib/nameplated")) -> str:
    found = neighbour(state_dir, moment(), run_dir=run_dir)(None, moment())
    return found.trouble if found else ""


def test_why_collect_ended_is_seen_at_once(tmp_path: Path) -> None:
    leave(tmp_path, ended="plant.toml:19:11: oops")
    assert seen(tmp_path) == "has ended: plant.toml:19:11: oops"


def test_a_collect_that_could_not_tell_which_gateway_it_is_counts(tmp_path: Path) -> None:
    leave(tmp_path, ended="plant.toml:1: no TOML", state_dir="")
    assert seen(tmp_path) == "has ended: plant.toml:1: no TOML"


def test_a_collect_of_another_gateway_and_a_file_that_is_no_word_say_nothing(tmp_path: Path) -> None:
    leave(tmp_path, ended="told to stop")
    assert seen(tmp_path, Path("/srv/another")) == ""
    (tmp_path / "collect" / files.NAME).write_text('{"role": "collect"')
    assert seen(tmp_path) == ""
