"""Tables: they fit, and they show everything that they cut as cut."""

from hypothesis import given
from hypothesis import strategies as st

from isms.tables import WIDTH, clean, table


@given(st.lists(st.lists(st.text(max_size=200), min_size=5, max_size=5), max_size=5))
def test_any_text_fits_and_drives_no_terminal(rows: list[list[str]]) -> None:
    lines = table(["a", "b", "c", "d", "e"], rows).split("\n")
    assert len(lines) == len(rows) + 1
    assert all(len(line) <= WIDTH and line.isprintable() for line in lines)


def test_what_is_cut_is_seen_to_be_cut() -> None:
    assert table(["a", "b"], [["x" * 50, "short"]], width=20).splitlines()[1] == "x" * 12 + "…  short"


def test_nothing_is_shown_as_a_dash() -> None:
    assert clean(None) == "-"
