"""The table that is written is the table that is read."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config import tabulate as module
from config.address import Address
from config.load import load
from config.model import Asset
from config.table import cell, read
from config.tabulate import ALWAYS, HEADINGS, tabulate
from inventory.rows import as_csv, harmless
from tests.config.test_parse import assets
from tests.effort import examples

PLANTS = sorted((Path(module.__file__).parent / "plants").glob("*.toml"))


@pytest.mark.parametrize("file", PLANTS, ids=lambda file: file.stem)
def test_every_shipped_example_comes_back_from_its_table(file: Path) -> None:
    plant = load(file)
    found = read([tabulate(plant.asset, {})])
    assert (found.assets, found.problems) == (plant.asset, ())


def on_one_line(asset: Asset) -> bool:
    """Blanks at the ends of a cell are nobody's intention; a spreadsheet loses them."""
    texts = (asset.role, asset.criticality, asset.location, asset.register_id or "", asset.description)
    return all(text == text.strip() for text in texts)


@settings(deadline=None, max_examples=examples(30))
@given(st.lists(assets.filter(on_one_line), min_size=1, max_size=4, unique_by=(lambda a: a.id, lambda a: a.address.host)))
def test_any_assets_come_back_from_their_table(listed: list[Asset]) -> None:
    text = as_csv(tabulate(listed, {asset.id: {"firmware": "=1+1"} for asset in listed}), delimiter=";")
    found = read([list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))])
    assert (found.assets, found.problems) == (tuple(listed), ())


def test_columns_that_nobody_fills_are_left_out_but_for_those_that_somebody_will() -> None:
    header, row = tabulate([Asset(id="a", address=Address.parse("opc.tcp://h"))], {})
    assert header == [HEADINGS[key] for key in HEADINGS if key in ALWAYS]
    assert row == ["a", "OPC UA", "h", "4840", "", "", "", ""]


def test_what_was_read_follows_and_an_asset_without_readings_has_empty_cells() -> None:
    two = [Asset(id=name, address=Address.parse(f"opc.tcp://{name}")) for name in ("a", "b")]
    header, first, second = tabulate(two, {"a": {"firmware": "V1"}})
    assert (header[-1], first[-1], second[-1]) == ("firmware", "V1", "")


@pytest.mark.parametrize("text", ["=cmd|'/c calc'!A1", "+1", "-1", "@SUM(1)", "'", "'=1"])
def test_the_apostrophe_of_a_text_that_could_be_a_formula_is_not_part_of_it(text: str) -> None:
    assert cell(harmless(text)) == text
