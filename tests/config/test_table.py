"""A list becomes assets that may stand together in one plant file, and a sentence for each row that does not.

Each folder of tests/cases/spreadsheets is a list as somebody wrote it, the assets that it means, and what is said of the rest.
"""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.parse import parse
from config.spreadsheet import read_tables
from config.table import Found, cell, read

CASES = Path(__file__).parents[1] / "cases" / "spreadsheets"
FRAME = {"plant": {"id": "p"}, "gateway": {"id": "g"}, "broker": {"url": "mqtts://b"}}
HEADER = ["Name", "IP", "Protokoll"]


def table(*rows: list[str]) -> Found:
    return read([[HEADER, *rows]])


@pytest.mark.parametrize("case", sorted(CASES.iterdir()), ids=lambda case: case.name)
def test_case(case: Path) -> None:
    (source,) = case.glob("devices.*")
    if source.suffix == ".xlsx":
        pytest.importorskip("openpyxl", reason="an XLSX is read with the extra `operator`")
    found = read(read_tables(source), expand_ranges=(case / "options.txt").exists(), profiles=["wago-750"])
    expected, problems = parse(FRAME | tomllib.loads((case / "expected.toml").read_text("utf-8")), base=Path("/"))
    assert expected is not None, problems
    assert found.assets == expected.asset
    assert [str(problem) for problem in found.problems] == (case / "problems.txt").read_text("utf-8").splitlines()


def test_a_relative_path_starts_where_the_plant_file_will_lie() -> None:
    rows = [[*HEADER, "Security", "Username file"], ["a", "h", "OPC UA", "sign", "a.user"]]
    (asset,) = read([rows], base=Path("/etc/nameplated")).assets
    assert asset.username_file == Path("/etc/nameplated/a.user")


def test_the_reading_whose_header_says_most_is_the_list() -> None:
    cover = [["Name", "IP"], ["a", "10.0.0.1"]]
    devices = [HEADER, ["b", "10.0.0.2", "OPC UA"]]
    assert [asset.id for asset in read([cover, devices, cover]).assets] == ["b"]


def test_a_bad_row_takes_no_good_one_with_it() -> None:
    found = table(["a", "10.0.0.1", "OPC UA"], ["a", "10.0.0.2", "OPC UA"], ["c", "not a host", "OPC UA"], ["d", "h", "OPC UA"])
    assert [asset.id for asset in found.assets] == ["a", "d"]
    assert [problem.place for problem in found.problems] == ["row 3 ('a')", "row 4 ('c')"]


def test_what_a_problem_repeats_is_escaped_and_short() -> None:
    problems = table(["\x1b[31m" + "x" * 500, "h", "OPC UA"]).problems
    assert problems
    assert all("\x1b" not in str(problem) and len(str(problem)) < 300 for problem in problems)


def test_an_apostrophe_hides_a_formula_and_nothing_else() -> None:
    assert [cell(text) for text in ("'=1", "''x", "'tis", " a\nb ", "-")] == ["=1", "'x", "'tis", "a b", "-"]


rows = st.lists(
    st.lists(st.text(max_size=8) | st.sampled_from([*HEADER, "10.0.0.1", "OPC UA", "Modbus TCP"]), max_size=5), max_size=6
)


@settings(deadline=None)
@given(rows, st.booleans())
def test_any_table_is_assets_and_sentences_and_never_an_exception(content: list[list[str]], expand: bool) -> None:
    found = read([content, [HEADER, *content]], expand_ranges=expand)
    assert found.assets or found.problems
    ids = [asset.id for asset in found.assets]
    assert len(set(ids)) == len(ids)


def test_five_thousand_rows_are_read() -> None:
    found = table(*([f"Zähler {n}", f"10.{n >> 8}.{n & 255}.1", "Modbus TCP"] for n in range(5000)))
    assert (len(found.assets), found.problems) == (5000, ())
