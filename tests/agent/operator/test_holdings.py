"""Every asset of the plant file is an item, seen or not, and nobody's last word is lost."""

from pathlib import Path

import msgspec
import pytest

from agent.core.asset import after_look
from agent.core.observation import FieldValue, Register
from agent.operator import books
from agent.operator.holdings import REMOVED, UNREADABLE, items
from config.load import load
from config.model import Plant
from inventory.item import NOT_ASKED, Item
from tests.agent.core.looks import look
from tests.agent.operator.shelf import fill, plant_in


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    file = plant_in(tmp_path)
    fill(file)
    return load(file)


def held(plant: Plant) -> dict[str, Item]:
    return {item.asset_id: item for item in items(plant, books.read(plant))}


def test_what_was_seen_and_what_the_plant_file_says_stand_together(plant: Plant) -> None:
    found = held(plant)
    press = found["press-07"]
    assert (press.iss, press.register_id, press.outcome) == ("urn:nameplated:werk-ulm:gw-halle3", "ISMS-4711", "identified")
    assert press.nameplate["order_code_of_manufacturer"].profile == "wago-750@1"
    assert [(change.field, change.after) for change in press.changes] == [("", "ACME 750-881 2.1"), ("firmware_version", "2.2")]
    assert (found["scale-9"].outcome, found["scale-9"].last_seen_at) == ("silent", None)
    assert (found["mixer-2"].outcome, found["mixer-2"].observed_at) == (NOT_ASKED, None)


def test_a_device_that_is_away_keeps_what_it_said_last(plant: Plant) -> None:
    found = books.read(plant)
    gone = after_look(found.states["press-07"], look("unreachable", at_s=9000))
    press = items(plant, books.Books(states={"press-07": gone}))[0]
    assert (press.outcome, press.nameplate["firmware_version"].value) == ("unreachable", "2.2")
    assert press.identified_at is not None
    assert press.observed_at is not None
    assert press.identified_at < press.observed_at


def test_an_asset_that_left_the_plant_file_is_listed_last_and_says_so(plant: Plant) -> None:
    without = msgspec.structs.replace(plant, asset=plant.asset[1:])
    last = items(without, books.read(plant))[-1]
    assert (last.asset_id, last.outcome, bool(last.nameplate)) == ("press-07", REMOVED, True)


def test_nonsense_in_the_journal_is_confessed_and_not_shown(plant: Plant) -> None:
    odd = FieldValue(value="x", source="y", raw="not hexadecimal")
    state = after_look(None, look(nameplate={"serial_number": odd}))
    press = items(plant, books.Books(states={"press-07": state}))[0]
    assert (press.outcome, press.nameplate) == (UNREADABLE, {})


def test_nonsense_of_an_asset_that_the_plant_file_does_not_know_is_confessed_too(plant: Plant) -> None:
    raw = {"serial_number": FieldValue(value="x", source="y", raw="not hexadecimal")}
    odd = look(asset_id="", register=Register(register_id="x" * 1000), nameplate=raw)
    last = items(plant, books.Books(states={"z" * 200: after_look(None, odd)}))[-1]
    assert (last.asset_id, last.outcome) == ("z" * 128, UNREADABLE)
