"""`check` says everything at once: what is to mend, or what the plant will cost."""

import json
from pathlib import Path

import pytest

from agent.operator import check
from agent.service import Exit
from config import load as loading
from config.load import load
from tests.agent.operator.words import run

SHIPPED = sorted((Path(loading.__file__).parent / "plants").glob("*.toml"))
PLANT = """[plant]
id = "werk-ulm"
[gateway]
id = "gw"
state_dir = "state"
[broker]
url = "mqtts://b"
username_file = "user"
certificate_file = "gw.crt"
key_file = "gw.key"
[[asset]]
id = "press-07"
address = "modbus-tcp://10.0.0.1"
"""


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    path = tmp_path / "plant.toml"
    path.write_text(PLANT)
    return path


def test_a_good_file_is_ready_and_explained(plant: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", str(plant)) == Exit.OK
    shown = " ".join(capsys.readouterr().out.split())
    assert "1 asset, ready to run" in shown and "every 6 hours" in shown and "no [receiver]" in shown
    assert "press-07" not in shown


def test_the_plan_has_a_line_for_each_asset(plant: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("check", str(plant), "--plan")
    assert "press-07" in capsys.readouterr().out


def test_json_is_one_object_with_every_figure(plant: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", str(plant), "--json") == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert (told["usable"], told["problems"]) == (True, [])
    assert told["plan"]["visits"][0]["requests_a_day"] == 4


def test_all_problems_of_a_bad_file_are_said_at_once(plant: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant.write_text(PLANT.replace("werk-ulm", "Werk Ulm").replace("press-07", "Press 07"))
    assert run("check", str(plant)) == Exit.CONFIG
    shown = capsys.readouterr().err
    assert "plant.id" in shown and "asset[1].id" in shown


def test_several_files_are_all_checked_and_one_that_is_bad_decides(plant: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = plant.with_name("bad.toml")
    bad.write_text(PLANT.replace("werk-ulm", "Werk Ulm"))
    assert run("check", str(bad), str(plant), str(plant)) == Exit.CONFIG
    shown = capsys.readouterr()
    assert shown.out == f"{plant}: 1 asset, ready to run. 1 warning.\n" * 2
    assert f"{bad}" in shown.err and "plant.id" in shown.err
    assert run("check", str(plant), str(plant), "--plan") == Exit.OK
    assert capsys.readouterr().out.count("press-07") == 2


def test_json_of_several_files_is_an_object_a_line(plant: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", str(plant), str(plant.with_name("none.toml")), "--json") == Exit.CONFIG
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["usable"], second["usable"]) == (True, False)


def test_a_bad_file_is_an_object_too(plant: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant.write_text(PLANT.replace("werk-ulm", "Werk Ulm"))
    assert run("check", str(plant), "--json") == Exit.CONFIG
    told = json.loads(capsys.readouterr().out)
    assert told["usable"] is False
    assert told["problems"][0] | {"what": "", "suggestion": ""} == {
        "file": str(plant),
        "place": "plant.id",
        "line": 2,
        "column": 6,
        "what": "",
        "suggestion": "",
    }


@pytest.mark.parametrize(
    ("name", "mode", "remedy"),
    [
        ("gw.key", 0o644, "o="), ("gw.key", 0o640, ""), ("user", 0o604, "o="), ("user", 0o600, ""),
        ("state/publish/report.key", 0o640, "go="), ("state/publish/report.key", 0o600, ""), ("gw.crt", 0o644, ""),
    ],
)  # fmt: skip
def test_secrets_that_others_can_read_are_found(plant: Path, name: str, mode: int, remedy: str) -> None:
    file = plant.parent / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    file.chmod(mode)
    assert check.exposed(load(plant)) == ({str(file): remedy} if remedy else {})


def test_secrets_of_assets_are_looked_at_too(plant: Path) -> None:
    protected = 'address = "opc.tcp://h"\nsecurity = "sign"\nusername_file = "plc.user"'
    plant.write_text(PLANT.replace('address = "modbus-tcp://10.0.0.1"', protected))
    secret = plant.with_name("plc.user")
    secret.touch()
    secret.chmod(0o644)
    assert check.exposed(load(plant)) == {str(secret): "o="}


def test_files_that_are_not_there_expose_nothing(plant: Path) -> None:
    assert check.exposed(load(plant)) == {}


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_every_shipped_plant_file_is_ready_to_run(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", str(file)) == Exit.OK, capsys.readouterr().err
