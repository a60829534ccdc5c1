"""Tables: they fit, and they show everything that they cut as cut."""

from hypothesis import given
from hypothesis import strategies as st

from isms.tables import WIDTH, cells_wide, clean, cut, table, wrapped


@given(st.lists(st.lists(st.text(max_size=200), min_size=5, max_size=5), max_size=5))
def test_any_text_fits_and_drives_no_terminal(rows: list[list[str]]) -> None:
    lines = table(["a", "b", "c", "d", "e"], rows).split("\n")
    assert len(lines) == len(rows) + 1
    assert all(cells_wide(line) <= WIDTH and line.isprintable() for line in lines)


def test_what_is_cut_is_seen_to_be_cut() -> None:
    assert table(["a", "b"], [["x" * 50, "short"]], width=20).splitlines()[1] == "x" * 8 + "…xxxx  short"


def test_nothing_is_shown_as_a_dash() -> None:
    assert clean(None) == "-"


@given(st.text(max_size=60), st.integers(1, 40))
def test_a_cut_takes_exactly_its_places(text: str, size: int) -> None:
    assert cells_wide(cut(clean(text), size)) == size


def test_a_narrow_terminal_does_without_spare_columns_before_it_cuts_firm_ones() -> None:
    headings, row = ["gateway", "records", "state"], ["werk-ulm/gw-halle10", 123456, "forked"]
    shown = table(headings, [row], width=23, firm=headings[1:], spare=["records"])
    assert shown.split("\n") == ["gateway          state", "werk-ulm/…lle10  forked"]


def test_a_sentence_is_cut_at_its_end() -> None:
    assert cut("a record does not continue 5", 14) == "a record does…"


def test_what_is_foreign_cannot_push_every_other_column_out() -> None:
    headings, row = ["asset", "serial", "firmware"], ["press-07", "4711", "9" * 1000]
    assert "4711" in table(headings, [row], width=60, firm=["firmware"], spare=["serial"])


def test_a_long_sentence_takes_as_many_lines_as_it_needs() -> None:
    lines = wrapped("look into it: " + "word " * 30, 40).split("\n")
    assert len(lines) > 3 and all(len(line) <= 40 for line in lines) and lines[1].startswith("    word")
