"""The pauses of one connection, the envelope that nobody will ever take, and how far we may be ahead of the receiver."""

from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from agent.core.delivery import (
    FIRST_LEAD,
    LEAD_GROWS,
    LEAST_LEAD,
    LONGEST_LEAD,
    LONGEST_PAUSE_S,
    LONGEST_RESEND_S,
    RESEND_AFTER_S,
    SILENT_AFTER_S,
    TRANSITIONS,
    Phase,
    Session,
    Signal,
    Suspects,
    diagram,
    pause_s,
    places,
    reconnect_wait_s,
)
from agent.core.fates import FATES, Fate

PAGE = Path(__file__).parents[3] / "docs" / "delivery.md"


def test_every_phase_answers_every_signal() -> None:
    assert set(TRANSITIONS) == {(phase, signal) for phase in Phase for signal in Signal}


def test_the_page_shows_the_diagram_of_this_version() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert diagram() in page


def test_window_is_never_overfilled_and_each_free_place_is_filled() -> None:
    session = Session(window=4)
    for position in (1, 2, 3, 4):
        session.sent(position, ("chain", position), 0)
    assert session.room(0) == 0
    session.acknowledged(1, 0x00, 0)
    assert session.room(0) == 1
    session.acknowledged(2, 0x00, 0)
    assert session.room(0) == 2


def test_envelope_that_nobody_received_is_sent_again_after_a_moment() -> None:
    session = Session(window=20)
    for position in (1, 2, 3):
        session.sent(position, ("chain", position), 0)
    session.acknowledged(2, 0x10, 0)
    assert session.sent_upto == 1 and session.room(0) == 0
    session.acknowledged(3, 0x10, 0.1)
    assert session.room(pause_s(1)) == 1  # one of the first window is still under way


def test_pauses_grow_while_nobody_listens_and_end_when_somebody_takes_one() -> None:
    session, now_s, pauses = Session(window=20), 0.0, []
    for _ in range(9):
        session.sent(1, ("chain", 1), now_s)
        session.acknowledged(1, 0x10, now_s)
        pauses.append(session.paused_until_s - now_s)
        now_s = session.paused_until_s
        assert session.room(now_s - 0.01) == 0 < session.room(now_s) < session.window
    assert pauses == [pause_s(number) for number in range(1, 10)] and pauses[-1] == LONGEST_PAUSE_S
    session.sent(1, ("chain", 1), now_s)
    session.acknowledged(1, 0x00, now_s)
    assert session.phase is Phase.OPEN and session.vain == 0


def test_a_word_of_the_receiver_ends_a_pause_at_once() -> None:
    session = Session(window=20)
    session.sent(1, ("chain", 1), 0)
    session.acknowledged(1, 0x10, 0)
    session.heard(0.1)
    assert session.room(0.1) == 20


def test_one_poisoned_envelope_is_given_up_after_three_refusals_and_delays_nobody() -> None:
    session = Session(window=20)
    assert session.acknowledged(1, 0x99, 0) is Fate.SUSPECT
    assert session.room(0) == 20
    assert session.acknowledged(2, 0x00, 0) is Fate.ACCEPTED
    assert session.acknowledged(1, 0x99, 1) is Fate.SUSPECT
    assert session.acknowledged(1, 0x99, 2) is Fate.REFUSED


def test_a_poisoned_envelope_alone_leaves_room_for_the_one_that_outdoes_it() -> None:
    session, now_s = Session(window=20), 0.0
    for _ in range(5):
        assert session.acknowledged(1, 0x99, now_s) is Fate.SUSPECT
        now_s = max(now_s, session.paused_until_s)
    assert session.room(now_s) == 2
    session.acknowledged(2, 0x00, now_s)
    assert session.acknowledged(1, 0x99, now_s) is Fate.REFUSED


@given(st.lists(st.tuples(st.integers(1, 9), st.sampled_from(sorted(set(FATES) - {0x00}))), max_size=60))
def test_a_broker_that_never_takes_anything_has_nothing_deleted(answers: list[tuple[int, int]]) -> None:
    session = Session(window=20)
    assert Fate.REFUSED not in [session.acknowledged(position, code, 0) for position, code in answers]


def test_refusals_are_counted_over_connections() -> None:
    suspects = Suspects()
    for _ in range(2):
        Session(window=20, suspects=suspects).acknowledged(1, 0x95, 0)
    last = Session(window=20, suspects=suspects)
    last.acknowledged(2, 0x00, 0)
    assert last.acknowledged(1, 0x95, 0) is Fate.REFUSED
    suspects.forget(1)
    assert suspects == Suspects()


def test_a_suspect_lets_another_go_first_on_a_new_connection_and_then_travels_alone() -> None:
    session = Session(window=20, suspects=Suspects(refusals={1: 1}))
    assert session.holds_back(1) and not session.holds_back(2)
    session.sent(2, ("chain", 2), 0)
    session.sent(3, ("chain", 3), 0)
    session.acknowledged(2, 0x00, 0)
    assert session.holds_back(1)  # 3 is under way
    session.acknowledged(3, 0x00, 0)
    assert not session.holds_back(1)
    session.sent(1, ("chain", 1), 0)
    assert session.holds_back(4)
    session.acknowledged(1, 0x00, 0)
    assert not session.holds_back(4)


def test_a_suspect_that_nothing_else_can_outdo_is_tried_at_once() -> None:
    session = Session(window=20, suspects=Suspects(refusals={1: 2}))
    assert session.holds_back(1) and session.alone() and not session.holds_back(1)
    assert not session.alone()


def test_a_broker_that_answers_nothing_is_silent_after_a_minute_of_waiting_for_it() -> None:
    session = Session(window=20)
    assert not session.is_silent(1e6)
    session.sent(1, ("chain", 1), 1000)
    session.sent(2, ("chain", 2), 1050)
    session.acknowledged(1, 0x00, 1055)
    assert not session.is_silent(1055 + SILENT_AFTER_S - 1) and session.is_silent(1055 + SILENT_AFTER_S)
    assert session.wake_in_s(1060, 1e6) <= SILENT_AFTER_S - 5


@given(st.integers(1, 65_535), st.integers(0, 100))
def test_room_for_envelopes_never_exceeds_what_the_broker_takes(receive_maximum: int, unanswered: int) -> None:
    found = places(receive_maximum, unanswered)
    assert 0 <= found <= max(0, receive_maximum - unanswered)
    assert found > 0 or unanswered > 0


def test_missing_receipt_starts_again_from_the_oldest() -> None:
    session = Session(window=20)
    session.sent(7, ("chain", 7), 0)
    session.acknowledged(7, 0x00, 1)
    assert not session.overdue(RESEND_AFTER_S - 1)
    assert session.overdue(RESEND_AFTER_S) and session.sent_upto == 0
    assert not session.overdue(RESEND_AFTER_S + 1)


def test_a_receipt_that_never_comes_is_waited_for_longer_each_time() -> None:
    session, now_s, waits = Session(window=20), 0.0, []
    session.sent(7, ("chain", 7), now_s)
    session.acknowledged(7, 0x00, now_s)
    for _ in range(6):
        before_s = now_s
        while not session.overdue(now_s):
            now_s += 1
        waits.append(now_s - before_s)
    assert waits == [60, 120, 240, 480, 600, 600] and waits[-1] == LONGEST_RESEND_S
    session.receipted("chain", 3)
    session.settled(rest=True, now_s=now_s)
    assert session.overdue(now_s + RESEND_AFTER_S)


def ahead(session: Session, count: int) -> None:
    """Hand over so many envelopes, all of which the broker takes at once."""
    for position in range(session.sent_upto + 1, session.sent_upto + 1 + count):
        session.sent(position, ("chain", position), 0)
        session.acknowledged(position, 0x00, 0)


def test_no_more_is_ahead_of_the_receiver_than_its_receipts_allow() -> None:
    session = Session(window=20)
    ahead(session, FIRST_LEAD - 7)
    assert session.room(0) == 7
    ahead(session, 7)
    assert session.room(0) == 0
    session.receipted("another", FIRST_LEAD)
    assert session.room(0) == LEAD_GROWS
    session.receipted("chain", 3)
    assert session.room(0) == 2 * LEAD_GROWS + 3
    session.receipted("chain", FIRST_LEAD)
    assert session.room(0) == 20


def test_the_lead_grows_with_each_receipt_and_is_halved_when_the_receiver_misses_something() -> None:
    session, leads = Session(window=20), []
    for upto in range(200):
        session.receipted("chain", upto)
    assert session.lead == LONGEST_LEAD
    for _ in range(6):
        session.missed(1)
        leads.append(session.lead)
    assert leads == [250, 125, 62, 31, 20, LEAST_LEAD] and session.sent_upto == 0


def test_what_is_sent_again_is_not_counted_twice() -> None:
    session = Session(window=20)
    ahead(session, FIRST_LEAD)
    session.again_from(FIRST_LEAD - 4)
    assert session.room(0) == 5


def test_what_needs_no_receipt_is_not_waited_for() -> None:
    session = Session(window=20)
    ahead(session, FIRST_LEAD)
    session.released(FIRST_LEAD)
    assert session.room(0) == 1


def test_an_envelope_that_is_set_aside_needs_no_receipt() -> None:
    session = Session(window=20, suspects=Suspects(refusals={FIRST_LEAD: 2}, outdone={FIRST_LEAD}))
    ahead(session, FIRST_LEAD - 1)
    session.sent(FIRST_LEAD, ("chain", FIRST_LEAD), 0)
    assert session.acknowledged(FIRST_LEAD, 0x99, 0) is Fate.REFUSED
    assert session.room(0) == 1


def test_what_never_gets_a_receipt_does_not_hold_up_what_would() -> None:
    session = Session(window=20)
    ahead(session, FIRST_LEAD)
    assert session.overdue(RESEND_AFTER_S) and session.sent_upto == 0
    ahead(session, 3 * FIRST_LEAD)
    assert session.room(RESEND_AFTER_S) == 20
    session.receipted("another", 0)
    ahead(session, session.lead)
    assert session.room(RESEND_AFTER_S) == 0


def test_receipt_for_everything_ends_the_wait() -> None:
    session = Session(window=20)
    session.sent(7, ("chain", 7), 0)
    session.acknowledged(7, 0x00, 1)
    session.settled(rest=False, now_s=2)
    assert not session.overdue(10 * RESEND_AFTER_S)


def test_session_wakes_for_the_next_thing_that_it_owes() -> None:
    session = Session(window=20)
    assert session.wake_in_s(0, 500) == 500
    session.sent(1, ("chain", 1), 0)
    assert session.wake_in_s(10, 500) == RESEND_AFTER_S - 10


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_reconnect_waits_between_a_moment_and_five_minutes(failures: int, chance: float) -> None:
    assert 0.1 <= reconnect_wait_s(failures, chance) <= 300


@given(st.lists(st.tuples(st.sampled_from(sorted(FATES)), st.floats(0, 30))))
@example(
    [(0, 1.4670594961953451), (0, 7.467059496195345), (0, 29.999999999999996), (0, 29.999999999999996), (0, 30.0), (0, 30.0)]
)
def test_no_sequence_of_answers_stops_delivery_for_longer_than_the_longest_pause(answers: list[tuple[int, float]]) -> None:
    session, now_s = Session(window=20), 0.0
    for position, (code, later_s) in enumerate(answers, 1):
        now_s += later_s
        session.sent(position, ("chain", position), now_s)
        session.acknowledged(position, code, now_s)
        session.overdue(now_s)
        assert session.wake_in_s(now_s, 1e9) <= LONGEST_RESEND_S + 0.001
        assert session.room(now_s + LONGEST_PAUSE_S + 0.001) > 0
