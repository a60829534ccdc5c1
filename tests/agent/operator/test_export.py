"""The table that came in goes out again, with what was read, and comes in again."""

import csv
from pathlib import Path

import msgspec
import pytest

from agent.core.asset import after_look
from agent.operator.export import READ, readings
from agent.service import Exit
from agent.wiring import Places
from buffer.journal import Journal
from buffer.record import State
from config.headings import find_header
from config.load import load
from config.spreadsheet import read_tables
from config.table import read
from tests.agent.core.looks import look, moment, plate
from tests.agent.operator.words import run

PLANT = """[plant]
id = "p"
[gateway]
id = "g"
state_dir = "state"
[broker]
url = "mqtts://b"
[[asset]]
id = "press-07"
address = "modbus-tcp://10.20.0.7:502?unit=1"
location = "Hall 3; line 2"
[[asset]]
id = "mixer"
address = "opc.tcp://mixer"
"""


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    path = tmp_path / "plant.toml"
    path.write_text(PLANT)
    return path


@pytest.fixture
def read_once(plant: Path) -> None:
    """What collect leaves behind after it has seen one of the two."""
    seen = look(nameplate=plate(manufacturer_name="ACME", firmware_version="=2.1"))
    state = State(kind="asset", subject="press-07", at=moment().text, body=msgspec.json.encode(after_look(None, seen)))
    with Journal.open(Places(load(plant)).journal, max_bytes=1 << 20) as journal:
        journal.append([], [state])


@pytest.mark.usefixtures("read_once")
@pytest.mark.parametrize("delimiter", [";", ","])
def test_the_table_has_what_was_read_and_comes_back_as_the_same_assets(plant: Path, delimiter: str) -> None:
    target = plant.with_name("out.csv")
    assert run("config", "export", "--config", str(plant), "--to", str(target), "--delimiter", delimiter) == Exit.OK
    rows = list(csv.reader(target.read_text("utf-8-sig").splitlines(), delimiter=delimiter))
    pressed = dict(zip(rows[0], rows[1], strict=True))
    assert (pressed["manufacturer"], pressed["firmware"], pressed["state"]) == ("ACME", "'=2.1", "identified")
    assert dict(zip(rows[0], rows[2], strict=True))["state"] == "not asked yet"
    assert read(read_tables(target)).assets == load(plant).asset


def test_before_collect_has_run_the_table_has_no_readings(plant: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("config", "export", "--config", str(plant)) == Exit.OK
    shown = capsys.readouterr()
    assert shown.out.startswith("asset id;protocol;") and "press-07;Modbus TCP;10.20.0.7;502;1" in shown.out
    assert "collect has not run yet" in shown.err


def test_a_file_that_is_there_is_not_overwritten(plant: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("config", "export", "--config", str(plant), "--to", str(plant)) == Exit.USAGE
    assert "is there already" in capsys.readouterr().err
    assert plant.read_text() == PLANT


def test_the_last_known_nameplate_stays_while_a_device_is_away() -> None:
    seen = after_look(None, look(nameplate=plate(firmware_version="2.1")))
    gone = readings(after_look(seen, look("unreachable")))
    assert (gone["firmware"], gone["state"], bool(gone["last seen"])) == ("2.1", "unreachable", True)


def test_headings_of_readings_mean_nothing_to_the_list() -> None:
    header = find_header([["Name", "IP", *readings(None)]])
    assert header is not None
    assert set(READ) <= set(header.unknown) == set(readings(None))
