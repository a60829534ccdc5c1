"""Tables fit the terminal, and no device's text drives it."""

from hypothesis import given
from hypothesis import strategies as st

from agent import screens


@given(st.lists(st.lists(st.text(max_size=60), min_size=3, max_size=3), max_size=5), st.integers(60, 200))
def test_any_cells_fit_the_width_and_stay_on_their_line(rows: list[list[str]], width: int) -> None:
    shown = screens.table(("a", "b", "c"), rows, width=width).split("\n")
    assert len(shown) == len(rows) + 1
    assert all(len(line) <= width for line in shown)
    assert all(line.isprintable() for line in shown)


@given(st.text(max_size=300), st.integers(60, 200))
def test_no_word_of_a_device_goes_beyond_the_edge(text: str, width: int) -> None:
    shown = screens.wrapped(text, width=width, hanging="    ", hostile=True)
    assert all(len(line) <= width and line.isprintable() for line in shown)


def test_a_path_to_copy_stays_whole_and_a_long_name_does_not() -> None:
    path = "/etc/nameplated/a-very-long-directory-name/with-hyphens/that-goes-on-and-on/gateway.key"
    assert path in screens.wrapped(f"chmod o= {path}", width=60)
    assert max(map(len, screens.wrapped("press-" * 30, width=60))) == 60
