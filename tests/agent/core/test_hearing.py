"""When a journal that cannot be read is trouble, and when only a new process can help."""

from agent.core.hearing import LOST_AFTER_S, TROUBLE_AFTER_S, Hearing


def missing(seconds: float, *, is_out: bool) -> Hearing:
    """What is known after so many seconds in which nothing was heard."""
    hearing = Hearing()
    for now_s in range(int(seconds) + 1):
        hearing.missed("held", float(now_s), is_out=is_out)
    return hearing


def test_journal_that_its_writer_holds_for_a_moment_is_no_trouble() -> None:
    assert missing(TROUBLE_AFTER_S - 1, is_out=False).trouble(TROUBLE_AFTER_S - 1) == ""


def test_journal_that_is_held_for_long_is_trouble_and_no_reason_to_begin_anew() -> None:
    hearing = missing(2 * LOST_AFTER_S, is_out=False)
    assert hearing.trouble(2 * LOST_AFTER_S).endswith("held")
    assert not hearing.is_lost(2 * LOST_AFTER_S)


def test_look_that_is_out_for_too_long_is_lost() -> None:
    hearing = missing(LOST_AFTER_S, is_out=True)
    assert not hearing.is_lost(LOST_AFTER_S - 1)
    assert hearing.is_lost(LOST_AFTER_S)


def test_look_that_came_back_at_last_is_not_counted_with_the_next() -> None:
    hearing = missing(LOST_AFTER_S - 1, is_out=True)
    hearing.missed("held", LOST_AFTER_S, is_out=False)
    hearing.missed("out", LOST_AFTER_S + 1, is_out=True)
    assert not hearing.is_lost(LOST_AFTER_S + 2)
    assert hearing.trouble(LOST_AFTER_S + 2)


def test_whoever_hears_again_has_no_trouble() -> None:
    hearing = missing(2 * LOST_AFTER_S, is_out=True)
    hearing.heard()
    assert hearing.trouble(2 * LOST_AFTER_S) == "" and not hearing.is_lost(2 * LOST_AFTER_S)
