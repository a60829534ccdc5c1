"""Fates of a PUBACK, and the window of one connection."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.delivery import PAUSE_S, RESEND_AFTER_S, Fate, Session, fate, reconnect_wait_s


@pytest.mark.parametrize(
    ("reason_code", "expected"),
    [(0x00, Fate.ACCEPTED), (0x10, Fate.KEPT), (0x80, Fate.KEPT), (0x83, Fate.KEPT), (0x87, Fate.KEPT), (0x91, Fate.KEPT),
     (0x97, Fate.KEPT), (0x90, Fate.REFUSED), (0x95, Fate.REFUSED), (0x99, Fate.REFUSED)],
)  # fmt: skip
def test_every_reason_code_of_a_puback_has_a_fate(reason_code: int, expected: Fate) -> None:
    assert fate(reason_code) is expected


def test_window_is_never_overfilled() -> None:
    session = Session(window=2)
    session.sent(1, 0)
    session.sent(2, 0)
    assert session.room(0) == 0
    session.acknowledged(1, 0x00, 0)
    assert session.room(0) == 1


def test_envelope_that_nobody_received_is_sent_again_after_a_pause() -> None:
    session = Session(window=20)
    for position in (1, 2, 3):
        session.sent(position, 0)
    session.acknowledged(2, 0x10, 0)
    assert session.sent_upto == 1 and session.room(0) == 0
    assert session.room(PAUSE_S) == 18


def test_missing_receipt_starts_again_from_the_oldest() -> None:
    session = Session(window=20)
    session.sent(7, 0)
    session.acknowledged(7, 0x00, 1)
    assert not session.overdue(RESEND_AFTER_S - 1)
    assert session.overdue(RESEND_AFTER_S) and session.sent_upto == 0
    assert not session.overdue(RESEND_AFTER_S + 1)


def test_receipt_for_everything_ends_the_wait() -> None:
    session = Session(window=20)
    session.sent(7, 0)
    session.acknowledged(7, 0x00, 1)
    session.settled(rest=False, now_s=2)
    assert not session.overdue(10 * RESEND_AFTER_S)


def test_session_wakes_for_the_next_thing_that_it_owes() -> None:
    session = Session(window=20)
    assert session.wake_in_s(0, 500) == 500
    session.sent(1, 0)
    assert session.wake_in_s(10, 500) == RESEND_AFTER_S - 10


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_reconnect_waits_between_a_moment_and_five_minutes(failures: int, chance: float) -> None:
    assert 0.1 <= reconnect_wait_s(failures, chance) <= 300
