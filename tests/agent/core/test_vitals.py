"""A role that lives says so; one that ended, hangs or never began is told from its silence, and not too early."""

import msgspec

from agent.core.moment import Moment
from agent.core.vitals import LATE_AFTER_S, SILENT_AFTER_S, Sign, Vitals, seen_from_outside
from tests.agent.core.looks import moment

LONG = 10 * SILENT_AFTER_S
TOLD = Vitals(at=moment().text, moment=moment(), rss_bytes=7, held=3, given_up=1, guard_fired_at="then", trouble="an hour ago")
FRESH = Vitals(at=moment().text, moment=moment(), rss_bytes=8, given_up=2, trouble="needs a restart: plant.id")


def later(seconds: float) -> Moment:
    then = moment()
    return msgspec.structs.replace(then, up_s=then.up_s + seconds, at_s=then.at_s + seconds)


def sign(ended: str = "") -> Sign:
    return Sign(role="collect", state_dir="/var/lib/nameplated", moment=moment(), ended=ended, vitals=FRESH)


def trouble(told: Vitals | None, seen: Sign | None, after_s: float, watched_s: float = LONG) -> str:
    found = seen_from_outside(told, seen, later(after_s), watched_s=watched_s)
    return found.trouble if found else ""


def test_a_role_whose_word_is_fresh_is_believed_as_it_told() -> None:
    assert seen_from_outside(None, sign(), later(LATE_AFTER_S), watched_s=LONG) is FRESH
    assert seen_from_outside(TOLD, None, later(1), watched_s=LONG) is TOLD


def test_what_a_role_left_in_memory_is_fresher_and_what_waits_is_told_on_disk_alone() -> None:
    found = seen_from_outside(TOLD, sign(), later(1), watched_s=LONG)
    assert found == msgspec.structs.replace(FRESH, held=3, guard_fired_at="then")


def test_a_role_that_ended_says_why_and_keeps_what_it_told_before() -> None:
    found = seen_from_outside(TOLD, sign("plant.toml:19: oops"), later(1), watched_s=0)
    assert found is not None
    assert (found.trouble, found.rss_bytes) == ("has ended: plant.toml:19: oops; needs a restart: plant.id", 8)
    assert trouble(None, sign("told to stop"), 1).startswith("has ended: told to stop")


def test_a_word_of_an_earlier_run_says_nothing_of_this_one() -> None:
    newer = msgspec.structs.replace(TOLD, moment=later(LATE_AFTER_S + 1))
    assert seen_from_outside(newer, sign("told to stop"), later(LATE_AFTER_S + 2), watched_s=LONG) is newer


def test_a_role_that_leaves_no_word_any_more_hangs_or_was_killed() -> None:
    assert "it hangs, or was killed" in trouble(TOLD, sign(), LATE_AFTER_S + 1)


def test_a_role_whose_word_cannot_be_seen_is_judged_by_its_last_sign_of_life_in_the_journal() -> None:
    assert trouble(TOLD, None, SILENT_AFTER_S) == TOLD.trouble
    assert "has written nothing down since" in trouble(TOLD, None, SILENT_AFTER_S + 1)
    assert trouble(msgspec.structs.replace(TOLD, moment=None), None, LONG) == TOLD.trouble


def test_a_role_that_was_never_heard_of_is_named() -> None:
    assert trouble(None, None, 0) == "nothing has been heard of it yet"


def test_nothing_is_said_before_a_role_had_time_to_begin() -> None:
    assert trouble(TOLD, sign(), LONG, watched_s=LATE_AFTER_S) == FRESH.trouble
    assert trouble(TOLD, None, LONG, watched_s=SILENT_AFTER_S) == TOLD.trouble
    assert trouble(None, None, LONG, watched_s=LATE_AFTER_S) == ""
