"""The command `doctor` as words, as a page and as JSON."""

import argparse
import json
from pathlib import Path

import pytest

from agent.doctor.command import add_parser, main, page
from agent.doctor.finding import Finding, State

PLANT = """
[plant]
id = "werk"
[gateway]
id = "gw"
state_dir = "state"
[broker]
url = "mqtt://127.0.0.1:1"
[[asset]]
id = "press-07"
address = "modbus-tcp://127.0.0.1"
"""


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    return parser.parse_args(["doctor", *words])


def test_help_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed("--help")
    assert "nameplated doctor --config" in capsys.readouterr().out


def test_json_is_one_object_and_something_bad_is_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant = tmp_path / "plant.toml"
    plant.write_text(PLANT)
    assert main(parsed("--config", str(plant), "--json")) == 1
    shown = json.loads(capsys.readouterr().out)
    assert shown["state"] == "bad"
    assert {"name", "state", "detail", "remedy"} == set(shown["findings"][0])


def test_page_has_a_line_for_each_finding_and_one_for_each_remedy() -> None:
    findings = [Finding("clock", State.OK, "well"), Finding("report-key", State.BAD, "not there", "Make it.")]
    assert page(findings).splitlines() == [
        "ok       clock       well",
        "bad      report-key  not there",
        "                     -> Make it.",
    ]


def test_page_fits_a_narrow_terminal_and_goes_on_below_what_it_belongs_to() -> None:
    found = Finding("clock", State.WARN, "12:00, which no time server has confirmed", "Name a time server, wait, and look again.")
    assert page([found], width=60).splitlines() == [
        "warn     clock  12:00, which no time server has confirmed",
        "                -> Name a time server, wait, and look again.",
    ]
    assert page([found, Finding("report-key", State.OK, "well")], width=60).splitlines()[1:3] == [
        "                     confirmed",
        "                     -> Name a time server, wait, and look",
    ]
