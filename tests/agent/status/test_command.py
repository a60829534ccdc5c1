"""`nameplated status`: an exit code for scripts, and an answer where the plant file has none."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli import main
from agent.service import Exit
from agent.status import files
from tests.agent.core.test_status import word
from tests.agent.rig import plant

NOBODY = ("press-07", "modbus-tcp://127.0.0.1:1?unit=1")


@pytest.fixture(autouse=True)
def log_of_others() -> Iterator[None]:
    """Give the log back: the command line sends it to a stream that this test alone has."""
    root = logging.getLogger()
    before = root.handlers
    yield
    root.handlers = before


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str]:
    code = main(["status", *map(str, words)])
    return code, capsys.readouterr().out


def test_nothing_that_runs_is_a_failure_with_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, "--config", plant(tmp_path, NOBODY))
    assert code == Exit.FAILED
    assert "! collect does not run" in out


def test_a_machine_gets_one_object_with_both_roles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = plant(tmp_path, NOBODY)
    (tmp_path / "state" / "collect").mkdir(parents=True)
    files.write(files.place("collect", tmp_path / "state", {}), word(state_dir=str(tmp_path / "state"), ended="told to stop"))
    code, out = run(capsys, "--config", file, "--json")
    told = json.loads(out)
    assert code == Exit.FAILED
    assert (told["well"], told["collect"]["role"], told["publish"]) == (False, "collect", None)
    assert told["problems"][0] == "collect has ended: told to stop"


def test_a_plant_file_that_cannot_be_used_is_a_problem_beside_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = plant(tmp_path, ("press-07", "nonsense"))
    code, out = run(capsys, "--config", file, "--json")
    told = json.loads(out)
    assert code == Exit.FAILED
    assert told["problems"][0].startswith(f"plant file: {file}:19:11: asset[1].address")
    assert any("collect" in problem for problem in told["problems"])
