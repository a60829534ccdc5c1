"""Bounds: what the writer refuses is what the reader would not believe."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buffer.limits import (
    MAX_BODY_BYTES,
    MAX_SUBJECT_BYTES,
    MIN_FILE_BYTES,
    Remedy,
    flaw,
    is_name,
    less,
    newest_within,
    pages_within,
    remedy,
    to_forget,
)
from tests.buffer.samples import AT


def test_a_cap_is_counted_in_whole_pages() -> None:
    assert pages_within(MIN_FILE_BYTES) == 64 and pages_within(MIN_FILE_BYTES + 1023) == 64


def test_a_cap_too_small_to_delete_in_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 65536"):
        pages_within(MIN_FILE_BYTES - 1)


@pytest.mark.parametrize("at", [AT, "2026-11-03T08:00:00.5Z", "2026-11-03T08:00:00.123456789Z"])
def test_a_time_of_rfc_3339_in_utc_is_taken(at: str) -> None:
    assert flaw(kind="k", subject="s", at=at, body=b"") is None


@pytest.mark.parametrize(
    "at",
    [
        "",
        "2026-11-03",
        "2026-11-03 08:00:00Z",
        "2026-11-03T08:00:00",
        "2026-11-03T08:00:00+00:00",
        "2026-13-03T08:00:00Z",
        "2026-02-30T08:00:00Z",
        "٢٠٢٦-11-03T08:00:00Z",
        AT + "\n",
        "2026-11-03T08:00:00." + "0" * 10 + "Z",
        "0" * 100000,
    ],
)
def test_any_other_time_is_refused(at: str) -> None:
    assert flaw(kind="k", subject="s", at=at, body=b"") == "at is not a time of RFC 3339 in UTC"


def test_a_body_is_taken_up_to_its_bound() -> None:
    assert flaw(kind="k", subject="s", at=AT, body=bytes(MAX_BODY_BYTES)) is None
    assert flaw(kind="k", subject="s", at=AT, body=bytes(MAX_BODY_BYTES + 1)) == "the body is too long"


def test_kind_and_subject_are_told_apart_when_refused() -> None:
    assert flaw(kind="", subject="s", at=AT, body=b"") == "kind is empty, too long or not printable"
    assert flaw(kind="k", subject="a\x1bb", at=AT, body=b"") == "subject is empty, too long or not printable"


def test_a_name_is_measured_in_bytes() -> None:
    assert is_name("ü" * (MAX_SUBJECT_BYTES // 2), MAX_SUBJECT_BYTES)
    assert not is_name("ü" * (MAX_SUBJECT_BYTES // 2 + 1), MAX_SUBJECT_BYTES)


@given(st.text(alphabet=st.characters(codec=None, exclude_categories=())))
def test_whatever_is_a_name_can_be_encoded_and_printed(text: str) -> None:
    if is_name(text, 64):
        assert 1 <= len(text.encode()) <= 64 and text.isprintable()


def test_no_copy_goes_for_a_floor_that_is_free_and_all_go_for_one_that_is_far() -> None:
    assert to_forget([5, 5], free_bytes=100, floor_bytes=100) == 0
    assert to_forget([5, 5], free_bytes=0, floor_bytes=100) == 2


def test_what_gives_way_ends_and_ends_with_waiting() -> None:
    copies, wreck, saving, steps = 2, 10 * MIN_FILE_BYTES, 10 * MIN_FILE_BYTES, list[Remedy]()
    while (step := remedy(copies=copies, wreck_bytes=wreck, saving_bytes=saving)) is not Remedy.WAIT:
        steps.append(step)
        copies -= step is Remedy.FORGET_COPY
        saving = less(saving) if step is Remedy.SAVE_LESS else saving
        wreck = 0 if step is Remedy.GIVE_UP else wreck
    assert steps == [Remedy.FORGET_COPY] * 2 + [Remedy.SAVE_LESS] * 5 + [Remedy.GIVE_UP]


def test_newest_go_along_without_a_hole() -> None:
    assert newest_within([1, 50, 20, 20], 45) == 2
    assert newest_within([], 45) == 0
