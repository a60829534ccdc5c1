"""From a list to a plant file: nothing is overwritten, nothing is left out without a sentence."""

import io
import os
import pty
from dataclasses import replace
from pathlib import Path

import pytest

from agent.operator.init import QUESTIONS, Question, ask, own_name, problem_with, told
from agent.service import Exit
from config.errors import ConfigError, Problem
from config.load import load
from config.table import Found
from tests.agent.operator.words import run

FLAGS = ("--plant", "werk-ulm", "--gateway", "gw-1", "--broker", "mqtts://isms.example")
LIST = (
    "Name;IP-Adresse;Protokoll;Farbe\nPresse 7;10.0.0.7;Modbus TCP;grün\nMischer;10.0.0.8;Profinet;\nMessung;10.0.1.1-3;OPC UA;\n"
)


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "devices.csv"
    path.write_text(LIST)
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "plant.toml"


def test_a_list_becomes_a_plant_file_that_can_be_used(listed: Path, target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("config", "init", str(target), "--from", str(listed), *FLAGS) == Exit.OK
    plant = load(target)
    assert (plant.plant.id, plant.gateway.id, plant.broker.url) == ("werk-ulm", "gw-1", "mqtts://isms.example")
    assert [asset.id for asset in plant.asset] == ["presse-7"]
    shown = capsys.readouterr().out
    assert "row 3 ('Mischer')" in shown and "row 4 ('Messung')" in shown and "'Farbe'" in shown and "nameplated check" in shown


def test_a_range_is_expanded_when_the_operator_says_so(listed: Path, target: Path) -> None:
    run("config", "init", str(target), "--from", str(listed), "--expand-ranges", *FLAGS)
    assert [asset.id for asset in load(target).asset] == ["presse-7", "messung-1", "messung-2", "messung-3"]


def test_without_a_list_the_file_waits_for_its_assets(target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("config", "init", str(target), *FLAGS) == Exit.OK
    assert load(target).asset == ()
    assert "[[asset]]" in capsys.readouterr().out


def test_a_file_that_is_there_stays_as_it_is(listed: Path, target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target.write_text("mine")
    assert run("config", "init", str(target), "--from", str(listed), *FLAGS) == Exit.USAGE
    assert (target.read_text(), "is there already" in capsys.readouterr().err) == ("mine", True)


def test_a_list_without_one_device_writes_nothing(listed: Path, target: Path) -> None:
    listed.write_text("Name;IP;Protokoll\na;10.0.0.1;S7\nb;10.0.0.2;S7\n")
    with pytest.raises(ConfigError) as caught:
        run("config", "init", str(target), "--from", str(listed), *FLAGS)
    assert [problem.place for problem in caught.value.problems] == ["row 2 ('a')", "row 3 ('b')"]
    assert not target.exists()


def test_a_profile_that_there_is_not_is_found_before_the_file_is_written(listed: Path, target: Path) -> None:
    listed.write_text("Name;IP;Protokoll;Profil\na;10.0.0.1;Modbus TCP;wago-75\n")
    with pytest.raises(ConfigError, match="Did you mean 'wago-750'"):
        run("config", "init", str(target), "--from", str(listed), *FLAGS)


def test_without_a_terminal_everything_that_is_missing_or_wrong_is_said_at_once(
    target: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert run("config", "init", str(target), "--broker", "http://b") == Exit.USAGE
    shown = capsys.readouterr().err
    assert all(word in shown for word in ("--plant", "--gateway", "--broker: an address begins with mqtts://"))
    assert not target.exists()


def test_no_answer_writes_nothing(target: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    leader, follower = pty.openpty()
    with os.fdopen(leader, "wb", buffering=0) as keyboard, os.fdopen(follower) as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        keyboard.write(b"werk-ulm\n\x04")
        assert run("config", "init", str(target), "--broker", "mqtts://b") == Exit.USAGE
    assert "no answer" in capsys.readouterr().err
    assert not target.exists()


def test_a_question_is_asked_until_its_answer_can_be_used() -> None:
    answers = iter(["Werk Ulm", "", " werk-ulm "])
    said: list[str] = []
    assert ask(QUESTIONS[0], lambda _words: next(answers), said.append) == "werk-ulm"
    assert len(said) == 2 and "1 to 32 of a-z" in said[0]


def test_an_empty_answer_takes_the_default_that_was_shown() -> None:
    shown: list[str] = []

    def listen(words: str) -> str:
        shown.append(words)
        return " "

    assert ask(replace(QUESTIONS[1], default="gw-1"), listen, shown.append) == "gw-1"
    assert shown == ["Id of this gateway, such as gw-halle3 [gw-1]: "]


@pytest.mark.parametrize("host", ["raspberrypi", "GW Halle 3", "x" * 80, "gw.example", "--", ""])
def test_the_machines_own_name_is_offered_only_where_it_would_do(host: str) -> None:
    name = own_name(host)
    assert not name or problem_with(QUESTIONS[1], name) is None


def test_who_is_asked_is_asked_for_the_list_too(
    listed: Path, target: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    leader, follower = pty.openpty()
    with os.fdopen(leader, "wb", buffering=0) as keyboard, os.fdopen(follower) as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        keyboard.write(f"werk-ulm\ngw-1\n{listed}\n".encode())
        assert run("config", "init", str(target), "--broker", "mqtts://b") == Exit.OK
    assert [asset.id for asset in load(target).asset] == ["presse-7"]
    assert "Not used (2)" in capsys.readouterr().out


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.flag)
def test_every_question_names_an_answer_that_would_do(question: Question) -> None:
    example = question.words.partition("such as ")[2]
    assert example
    assert problem_with(question, example) is None
    assert problem_with(question, None) is None


@pytest.mark.parametrize("heading", ["IP-Adresse", "=cmd()" + "/" * 900, "\x1b[2J" + "W" * 900])
def test_what_is_told_fits_a_narrow_terminal_whatever_the_list_says(heading: str) -> None:
    problem = Problem(place=f"row 3 ({heading})", what="has no protocol", suggestion="Write one.")
    found = Found(titles={"host": heading, "id": "Name"}, unused=("MAC", heading), problems=(problem,))
    lines = told(found, Path("p.toml"), Path("d.csv"), width=60)
    assert max(map(len, lines)) <= 60
    assert all(map(str.isprintable, lines))
