"""A row proves itself, or it is damaged: never an error, never a wrong record."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buffer.limits import MAX_BODY_BYTES
from buffer.record import Damaged, Record, Row, State, check, checksum, record_from, state_from
from tests.buffer.samples import AT, draft

GOOD: Row = ("asset/1", "press-07", AT, b"{}", checksum(9, "asset/1", "press-07", AT, b"{}"))


def test_a_row_with_its_checksum_is_a_record() -> None:
    assert record_from(9, GOOD) == Record(seq=9, kind="asset/1", subject="press-07", at=AT, body=b"{}")


def test_a_row_under_another_number_is_damaged() -> None:
    assert record_from(10, GOOD) == Damaged(seq=10, reason="the checksum does not match")


@pytest.mark.parametrize("column", range(4))
def test_a_column_of_another_type_is_damaged(column: int) -> None:
    row = (*GOOD[:column], 7, *GOOD[column + 1 :])
    assert record_from(9, row) == Damaged(seq=9, reason="a column has the wrong type")


def test_a_row_beyond_its_bounds_is_damaged_even_if_its_checksum_matches() -> None:
    body = bytes(MAX_BODY_BYTES + 1)
    row = ("k", "s", AT, body, checksum(1, "k", "s", AT, body))
    assert record_from(1, row) == Damaged(seq=1, reason="the body is too long")


def test_a_state_has_the_checksum_of_number_zero() -> None:
    row = ("k", "s", AT, b"", checksum(0, "k", "s", AT, b""))
    assert state_from(row) == State(kind="k", subject="s", at=AT, body=b"")
    assert state_from(GOOD) is None


def test_a_draft_beyond_its_bounds_is_refused_before_it_is_written() -> None:
    with pytest.raises(ValueError, match="subject"):
        check(draft(subject=""))


@given(st.binary(min_size=1, max_size=200), st.data())
def test_any_flipped_bit_of_a_body_is_seen(body: bytes, data: st.DataObject) -> None:
    crc = checksum(1, "k", "s", AT, body)
    bit = data.draw(st.integers(0, len(body) * 8 - 1))
    flipped = bytearray(body)
    flipped[bit // 8] ^= 1 << bit % 8
    assert isinstance(record_from(1, ("k", "s", AT, bytes(flipped), crc)), Damaged)


anything = st.one_of(st.none(), st.integers(), st.floats(), st.text(), st.binary())


@given(st.integers(), st.tuples(anything, anything, anything, anything, anything))
def test_any_row_is_a_record_or_damaged(seq: int, row: Row) -> None:
    assert isinstance(record_from(seq, row), Record | Damaged)
