"""A place has the line that a person would look at, and no text is too strange to look through."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from config.locate import index, spot_of

TEXT = '''\
broker.url = "mqtts://b"
[plant]  # the site
"id" = "p"
name = """
[gateway]
id = 'no' """

[[asset]]
id = "a"
[[ asset ]]
address = "x"
collect.gap_ms = 3
'''


def lines(*places: str) -> list[int | None]:
    found = index(TEXT)
    return [spot.line if (spot := spot_of(place, found)) else None for place in places]


def test_a_key_stands_where_its_value_begins_and_a_table_where_its_bracket_does() -> None:
    found = index('  [plant]\nid =   "p"\nname=\n')
    assert (found["plant"].column, found["plant.id"].column, found["plant.name"].column) == (3, 8, 6)


def test_tables_and_keys_are_found_where_they_stand() -> None:
    assert lines("broker.url", "plant", "plant.id", "plant.name") == [1, 2, 3, 4]
    assert lines("asset[1]", "asset[1].id", "asset[2]", "asset[2].address", "asset[2].collect.gap_ms") == [8, 9, 10, 11, 12]


def test_what_stands_inside_a_text_is_no_table() -> None:
    assert lines("gateway", "gateway.id") == [None, None]


def test_a_key_that_is_missing_has_the_line_of_its_table() -> None:
    assert lines("asset[2].id", "plant.other", "asset[7].id") == [10, 2, 8]


def test_a_place_without_a_table_has_no_line() -> None:
    assert lines("", "spool.journal_max_bytes", "..", "]") == [None, None, None, None]


def test_a_triple_quote_that_opens_and_closes_on_one_line_hides_nothing() -> None:
    assert index('a = """x"""\nb = 1')["b"].line == 2


def test_a_triple_quote_in_a_comment_opens_nothing() -> None:
    assert index('# like """\n[plant]')["plant"].line == 2


@given(st.text(st.sampled_from("[]\"'.=#\\ \n\tab1\u2028"), max_size=200), st.text(max_size=20))
def test_any_text_and_place_give_a_line_of_the_text_or_none(text: str, place: str) -> None:
    spot = spot_of(place, index(text))
    if spot is not None:
        assert 1 <= spot.line <= text.count("\n") + 1
        assert 1 <= spot.column <= len(text.split("\n")[spot.line - 1]) + 1


@given(st.lists(st.sampled_from(["# note", "", "x = 1", "[t]", "[[asset]]", "id = 'a'"]), max_size=12))
def test_as_many_assets_are_counted_as_toml_reads(parts: list[str]) -> None:
    text = "\n".join(parts)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    found = index(text)
    for number in range(1, len(document.get("asset", ())) + 1):
        assert text.split("\n")[found[f"asset[{number}]"].line - 1] == "[[asset]]"
