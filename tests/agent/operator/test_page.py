"""The page fits the terminal, and says the figures as people do."""

from pathlib import Path

import pytest

from agent.operator import page
from agent.operator.plan import Plan, plan
from config import load as loading
from config.load import load
from protocols.profile import bundled

PLANTS = sorted((Path(loading.__file__).parent / "plants").glob("*.toml"))


def made(file: Path) -> Plan:
    return plan(load(file), bundled(), exposed={"/etc/nameplated/gw.key": "o="})


@pytest.mark.parametrize("width", [60, 100])
@pytest.mark.parametrize("file", PLANTS, ids=lambda file: file.stem)
def test_no_line_is_wider_than_the_terminal(file: Path, width: int) -> None:
    text = page.summary(made(file), width=width) + "\n" + page.visits(made(file).visits, width=width)
    assert [line for line in text.splitlines() if len(line) > width] == []


def test_a_narrow_terminal_leaves_out_addresses_and_not_names() -> None:
    visits = made(PLANTS[0]).visits
    assert "10.40.1.11" in page.visits(visits, width=100)
    narrow = page.visits(visits, width=60)
    assert "10.40" not in narrow and all(visit.asset_id in narrow for visit in visits)


def test_a_plant_without_assets_is_said_to_ask_nothing(tmp_path: Path) -> None:
    file = tmp_path / "plant.toml"
    file.write_text('[plant]\nid = "p"\n[gateway]\nid = "g"\n[broker]\nurl = "mqtts://b"\n')
    assert "Nothing is asked." in page.summary(plan(load(file), bundled(), exposed={}), width=60)


def test_where_nothing_needs_a_look_nothing_is_said_of_it() -> None:
    quiet = plan(load(PLANTS[0].with_name("opcua-certificates.toml")), bundled(), exposed={})
    assert "Look at" not in page.summary(quiet, width=100)


@pytest.mark.parametrize(("seconds", "text"), [(3600, "1 hour"), (5400, "90 minutes"), (61, "61 seconds"), (1, "1 second")])
def test_times_are_whole_numbers_of_the_largest_unit(seconds: int, text: str) -> None:
    assert page.span(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (66_300, "66 kB"), (10**9, "1.0 GB"), (10**13, "10000 GB")]
)
def test_sizes_have_two_digits_that_count(number: int, text: str) -> None:
    assert page.size(number) == text
