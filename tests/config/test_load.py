"""A plant file on disk: every way it can be unusable is a sentence with a line, and each case is a folder."""

import os
import time
from pathlib import Path

import pytest

from config.errors import ConfigError
from config.load import MAX_BYTES, load

CASES = Path(__file__).parents[1] / "cases" / "config"
SHIPPED = Path(__file__).parents[2] / "config" / "plants"


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_a_case_has_exactly_its_problems(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES / case)
    with pytest.raises(ConfigError) as refusal:
        load(Path("plant.toml"))
    assert str(refusal.value) == Path("problems.txt").read_text(encoding="utf-8").rstrip("\n")
    assert "not-a-real-one" not in str(refusal.value)


@pytest.mark.parametrize("file", sorted(path.name for path in SHIPPED.iterdir()))
def test_every_shipped_plant_file_loads(file: str) -> None:
    plant = load(SHIPPED / file)
    assert plant.asset
    assert plant.broker.address.tls


def problem_of(path: Path) -> str:
    with pytest.raises(ConfigError) as refusal:
        load(path)
    assert refusal.value.path == path
    assert len(refusal.value.problems) == 1
    return refusal.value.problems[0].what


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    assert problem_of(tmp_path / "plant.toml") == "cannot be read: No such file or directory"


def test_a_directory_is_a_problem(tmp_path: Path) -> None:
    assert problem_of(tmp_path) == "cannot be read: Is a directory"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    assert problem_of(tmp_path / "pipe.toml") == "is not a file"


def test_a_file_that_is_too_large_is_not_parsed(tmp_path: Path) -> None:
    file = tmp_path / "plant.toml"
    file.write_bytes(b"#" * (MAX_BYTES + 1))
    assert problem_of(file) == f"is larger than {MAX_BYTES} bytes"


def test_relative_paths_start_beside_the_file_even_when_it_is_named_relatively(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plants").mkdir()
    head = '[plant]\nid="p"\n[gateway]\nid="g"\nstate_dir="state"\n[broker]\nurl="mqtts://b"\n'
    (tmp_path / "plants" / "p.toml").write_text(head, encoding="utf-8")
    assert load(Path("plants/p.toml")).gateway.state_dir == tmp_path / "plants" / "state"


def test_five_thousand_bad_assets_are_all_listed_in_reasonable_time(tmp_path: Path) -> None:
    file = tmp_path / "plant.toml"
    body = "".join(f'[[asset]]\nid = "A{n}"\naddress = "modbus-tcp://10.{n >> 8}.{n & 255}.1"\n' for n in range(5000))
    file.write_text(body, encoding="utf-8")
    started = time.monotonic()
    with pytest.raises(ConfigError) as refusal:
        load(file)
    assert len(refusal.value.problems) == 5003
    assert refusal.value.problems[-1].line == 3 * 4999 + 2
    assert time.monotonic() - started < 20  # some 0.5 s; a search of the whole text for each problem takes minutes
