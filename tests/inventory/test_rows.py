"""A table that any spreadsheet opens, and that runs nothing in it."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.rows import COLUMNS, DELIMITERS, as_csv, document, harmless, rows
from tests.inventory.items import FULL, HOSTILE, UNSEEN


def read_back(text: str, delimiter: str) -> list[dict[str, str]]:
    """What a program gets that takes the apostrophe of a text for what it is."""
    lines = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    return [{name: cell.removeprefix("'") for name, cell in line.items()} for line in lines]


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_what_goes_out_comes_back(delimiter: str) -> None:
    assert read_back(document([FULL, UNSEEN], delimiter=delimiter), delimiter) == list(rows([FULL, UNSEEN]))


def test_an_asset_has_a_line_and_so_has_each_device_behind_it() -> None:
    asset, child, unseen = rows([FULL, UNSEEN])
    assert (asset["plant"], asset["gateway"], asset["asset_id"], asset["behind"]) == ("werk-ulm", "gw-halle3", "press-07", "")
    assert (asset["firmware_version"], asset["confidence"], asset["changes"]) == ("2.2", "low", "1")
    assert (asset["software"], asset["security"]) == ("runtime 3.5", "anonymous-access no-security")
    assert (child["asset_id"], child["behind"], child["serial_number"]) == ("press-07", "slot 2", "S9")
    assert (unseen["outcome"], unseen["last_seen_at"], unseen["manufacturer_name"]) == ("not asked yet", "", "")
    assert all(tuple(line) == COLUMNS for line in (asset, child, unseen))


def test_a_formula_of_a_device_is_a_text() -> None:
    quoted = HOSTILE.replace('"', '""')
    assert f'"\'{quoted}"' in document([FULL], delimiter=",")


@given(st.text(max_size=40))
def test_no_cell_is_a_formula_and_none_leaves_its_line(text: str) -> None:
    shown = harmless(text)
    assert shown.lstrip()[:1] not in {"=", "+", "-", "@", "\t", "\r"}
    assert len(shown.splitlines()) <= 1 and "\x1b" not in shown


@given(st.lists(st.lists(st.text(max_size=20), min_size=2, max_size=2), max_size=4), st.sampled_from(DELIMITERS))
def test_cells_with_separators_and_quotes_stay_whole(table: list[list[str]], delimiter: str) -> None:
    told = list(csv.reader(io.StringIO(as_csv(table, delimiter=delimiter), newline=""), delimiter=delimiter))
    assert told == [[harmless(cell) for cell in row] for row in table]
