"""Cleaning: whatever a device sends becomes one safe line, and cleaning it again changes nothing."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.text import MAX_CHARS, clean, clean_text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"ACME\0\0\0", "ACME"),
        (b"  P7  ", "P7"),
        ("Télémécanique".encode(), "Télémécanique"),
        ("Télémécanique".encode("latin-1"), "Télémécanique"),
        (b"F144\x1d3", "F144 3"),
        (b"AC\x07ME", "ACME"),
        (b"a\tb\r\nc", "a b  c"),
        (b"\x1b[2Jgone", "[2Jgone"),
        (b"\x80\x9b31m\xff", "31mÿ"),
        (b"\0\0\0", ""),
        (b"", ""),
    ],
)
def test_padding_and_control_characters_go_and_the_text_stays(raw: bytes, text: str) -> None:
    assert clean(raw) == text


def test_directional_characters_cannot_turn_a_text_around() -> None:
    assert clean_text("P7-\u202e\u2066gpj.exe\u200b") == "P7-gpj.exe"


def test_a_long_text_is_cut_at_the_limit() -> None:
    assert clean(b"x" * 10_000) == "x" * MAX_CHARS and clean_text("ab c", 3) == "ab"


@given(st.one_of(st.binary(max_size=600), st.text(max_size=600).map(lambda text: text.encode("utf-8", "replace"))))
def test_any_bytes_become_one_visible_bounded_line_that_is_clean_already(raw: bytes) -> None:
    text = clean(raw)
    assert len(text) <= MAX_CHARS and text == text.strip() and clean_text(text) == text
    assert not any(unicodedata.category(char)[0] == "C" or char in "\u2028\u2029" for char in text)


@given(st.text(st.characters(), max_size=100), st.integers(1, 20))
def test_any_string_keeps_the_limit(text: str, limit: int) -> None:
    assert len(clean_text(text, limit)) <= limit
    assert clean_text(clean_text(text, limit), limit) == clean_text(text, limit)
