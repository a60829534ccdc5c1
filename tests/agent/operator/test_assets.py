"""The commands show and export what collect has left, and a wrong id gets a near one."""

import csv
import json
from pathlib import Path

import pytest

from agent.service import Exit
from tests.agent.operator.shelf import fill, plant_in
from tests.agent.operator.words import run
from tests.inventory.strict import complaint


@pytest.fixture
def config(tmp_path: Path) -> tuple[str, str]:
    file = plant_in(tmp_path)
    fill(file)
    return "--config", str(file)


def test_the_list_fits_a_file(config: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("assets", *config) == Exit.OK
    shown = capsys.readouterr().out
    assert shown.startswith("asset") and "press-07" in shown and max(map(len, shown.splitlines())) <= 100


def test_json_is_the_same_document_as_the_receivers(config: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("assets", *config, "--json") == Exit.OK
    one = capsys.readouterr().out
    run("assets", *config, "--format", "json")
    assert one == capsys.readouterr().out
    assert [asset["asset_id"] for asset in json.loads(one)["assets"]] == ["press-07", "scale-9", "mixer-2"]


def test_a_csv_for_a_spreadsheet_has_every_asset(config: tuple[str, str], tmp_path: Path) -> None:
    target = tmp_path / "assets.csv"
    assert run("assets", *config, "--format", "csv", "--to", str(target), "--delimiter", ",") == Exit.OK
    assert target.read_bytes().startswith(b"\xef\xbb\xbf")
    lines = list(csv.DictReader(target.read_text("utf-8-sig").splitlines()))
    assert [(line["asset_id"], line["behind"]) for line in lines] == [
        ("press-07", ""), ("press-07", "slot 2"), ("scale-9", ""), ("mixer-2", ""),
    ]  # fmt: skip
    assert lines[0]["location"] == "Hall 3; line 2"


def test_cyclonedx_holds_against_the_strict_schema(config: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("assets", *config, "--format", "cyclonedx") == Exit.OK
    assert complaint(capsys.readouterr().out) is None


def test_a_file_that_is_there_is_not_overwritten(config: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("assets", *config, "--format", "csv", "--to", config[1]) == Exit.USAGE
    assert "is there already" in capsys.readouterr().err


def test_one_asset_is_shown_with_its_evidence(config: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("assets", "show", "press-07", *config) == Exit.OK
    assert "32 2e 32" in capsys.readouterr().out
    assert run("assets", *config, "show", "scale-9", "--json") == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert (told["asset"]["outcome"], told["turn"]["failures"]) == ("silent", 1)


@pytest.mark.parametrize(("name", "remedy"), [("pres-07", "Did you mean 'press-07'?"), ("zzz", "nameplated assets")])
def test_an_asset_that_there_is_not_gets_a_near_one(
    config: tuple[str, str], name: str, remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("assets", "show", name, *config) == Exit.USAGE
    assert remedy in capsys.readouterr().err
