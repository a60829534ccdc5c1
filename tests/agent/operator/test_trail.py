"""What is shown of an asset is everything, in words, and it fits the terminal whatever a device says."""

from pathlib import Path

import msgspec
import pytest

from agent.core.schedule import Rhythm, Turn, next_turn
from agent.operator import books, trail
from agent.operator.holdings import items
from config.load import load
from inventory.item import Item
from tests.agent.core.looks import moment
from tests.agent.operator.shelf import fill, plant_in

NOW = moment(7200)


@pytest.fixture(params=["ACME", "=cmd|' /c calc'!A0" + "W" * 800], ids=["usual", "hostile"])
def held(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[list[Item], books.Books]:
    file = plant_in(tmp_path)
    fill(file, maker=request.param)
    plant = load(file)
    return items(plant, books.read(plant)), books.read(plant)


@pytest.mark.parametrize("wait_s", [1e300, -1e300, 2.0**62])
def test_a_wait_that_is_no_time_is_shown_as_a_long_one_or_none(wait_s: float) -> None:
    assert trail.next_look(Turn(asked=moment(), wait_s=wait_s), NOW).startswith("Next look: ")


@pytest.mark.parametrize("width", [60, 100, 140])
def test_no_line_is_wider_than_the_terminal(held: tuple[list[Item], books.Books], width: int) -> None:
    found, known = held
    long_names = [msgspec.structs.replace(item, asset_id="x" * 64, location="y" * 200) for item in found]
    pages = [trail.page(item, known.turns.get(item.asset_id), NOW, width=width) for item in [*found, *long_names]]
    for text in (trail.listing(found, width=width), trail.listing(long_names, width=width), *pages):
        assert [line for line in text.splitlines() if len(line) > width] == []


def test_the_list_says_what_is_known_and_of_whom_nothing_is(held: tuple[list[Item], books.Books]) -> None:
    shown = trail.listing(held[0], width=140)
    assert "medium" in shown and "identified" in shown and "never" in shown
    assert "3 assets: 1 identified, 1 silent, 1 not asked yet." in shown


def test_a_narrow_list_keeps_names_firmware_and_state(held: tuple[list[Item], books.Books]) -> None:
    shown = trail.listing(held[0], width=60)
    assert all(word in shown for word in ("press-07", "2.2", "identified", "mixer-2")) and "serial" not in shown


def test_a_column_in_which_nobody_has_anything_leaves_its_room_to_the_others(held: tuple[list[Item], books.Books]) -> None:
    assert "serial" not in trail.listing(held[0], width=100)
    assert trail.listing([], width=100).startswith("asset\n")


def test_every_value_shows_its_request_its_bytes_and_its_profile(held: tuple[list[Item], books.Books]) -> None:
    found, known = held
    shown = " ".join(trail.page(found[0], known.turns["press-07"], NOW, width=100).split())
    for part in (
        "holding registers (function code 3), 0x2011 to 0x2012, unit id 1", "read by profile wago-750@1, confidence medium",
        "read as the standard says, confidence high",
        "02 ee 03 71", "32 2e 32", "slot 2 behind it", "runtime 3.5 (node i=2260)", "no-security", "an odd count",
        "changed firmware_version: 2.1 -> 2.2", "in the ISMS as ISMS-4711", "Next look: about", "1 x function code 43/14",
    ):  # fmt: skip
        assert part in shown


def test_an_asset_that_never_answered_says_why_and_what_to_do(held: tuple[list[Item], books.Books]) -> None:
    found, known = held
    shown = " ".join(trail.page(found[1], known.turns["scale-9"], NOW, width=100).split())
    assert "silent, never seen" in shown and "check the unit id" in shown
    assert "1 failed look in a row" in shown and "Changes: none" in shown


def test_an_asset_that_was_not_asked_yet_says_how_to_look_now(held: tuple[list[Item], books.Books]) -> None:
    shown = " ".join(trail.page(held[0][2], None, NOW, width=100).split())
    assert "never looked at" in shown and "nameplated probe opc.tcp://10.20.0.21:4840" in shown


def test_maintenance_windows_are_kept_in_mind(held: tuple[list[Item], books.Books]) -> None:
    assert "maintenance" not in trail.page(held[0][2], None, NOW)
    assert "Never within a maintenance window." in trail.page(held[0][2], None, NOW, windows=True, width=200)


def turn(outcomes: list[str]) -> Turn:
    last: Turn | None = None
    for outcome in outcomes:
        last = next_turn(last, outcome, (), rhythm=Rhythm(), now=moment(0), chance=0.5)
    assert last is not None
    return last


@pytest.mark.parametrize(
    ("outcomes", "up_s", "words"),
    [
        (["identified"], 0, "in 6 h."),
        (["identified"], 21_550, "in 1 min."),
        (["identified"], 30_000, "now due."),
        (["silent", "silent"], 0, "2 failed looks in a row"),
        (["refused"] * 3, 0, "In quarantine"),
    ],
)
def test_the_next_look_is_said_with_its_reason(outcomes: list[str], up_s: float, words: str) -> None:
    assert words in trail.next_look(turn(outcomes), moment(up_s))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("FC4 0x0000", "input registers (function code 4), 0x0000, unit id 1"),
        ("FC17 byte 2+3", "server id (function code 17), bytes from 2 to 5, unit id 1"),
        ("something new", "something new, unit id 1"),
    ],
)
def test_requests_are_said_in_words(source: str, words: str) -> None:
    assert trail.request(source, "modbus-tcp://10.0.0.1") == words
    assert trail.request(source, "profinet://10.0.0.1") == source
