"""When nobody was looking: after a stop, a power cut, a wrong clock, a device that told nothing."""

from agent.core.asset import after_look
from agent.core.moment import ClockState, Moment
from agent.core.silence import LONGEST_PAUSE_S, Heartbeat, at_start, clock_mended, frozen, of_device
from tests.agent.core.looks import look, moment


def test_first_start_ever_was_not_away() -> None:
    assert at_start(None, moment()) is None


def test_stopped_role_and_power_cut_are_told_apart() -> None:
    stopped = at_start(Heartbeat(moment=moment(10), stopped=True), moment(70))
    assert stopped is not None and (stopped.reason, stopped.lasted_s) == ("stopped", 60.0)
    assert "it was stopped" in stopped.detail
    cut = at_start(Heartbeat(moment=moment(10)), moment(5, at_s=1_800_000_100.0, boot="boot-b"))
    assert cut is not None and (cut.reason, cut.lasted_s) == ("power-off", 90.0)
    assert "may be missing" in cut.detail


def test_clock_that_started_in_1970_makes_no_span_that_nobody_can_be_sure_of() -> None:
    now = Moment(at_s=30.0, up_s=5.0, boot="boot-b", clock=ClockState.UNSYNC)
    away = at_start(Heartbeat(moment=moment(10)), now)
    assert away is not None and (away.lasted_s, away.clock) == (0.0, "unsync")


def test_pause_that_no_running_collect_makes_is_confessed_whatever_the_wall_clock_says() -> None:
    assert frozen(moment(0), moment(LONGEST_PAUSE_S)) is None
    back = Moment(at_s=0.0, up_s=36_000.0, boot="boot-a", clock=ClockState.HOLDOVER)
    away = frozen(moment(0), back)
    assert away is not None and (away.reason, away.lasted_s, away.clock, away.since) == (
        "stopped",
        36_000.0,
        "holdover",
        moment(0).text,
    )
    assert frozen(moment(0), moment(2), longest_pause_s=1.0) is not None


def test_wrong_clock_is_confessed_when_it_is_right_and_only_then() -> None:
    unset = Moment(at_s=0.0, up_s=100.0, boot="boot-a", clock=ClockState.UNSYNC)
    assert clock_mended(unset, Moment(at_s=60.0, up_s=160.0, boot="boot-a", clock=ClockState.UNSYNC)) is None
    assert clock_mended(moment(100), moment(160)) is None
    mended = clock_mended(unset, moment(160))
    assert mended is not None and (mended.since, mended.until) == (moment(100).text, moment(160).text)
    assert "1800000100 s" in mended.detail


def test_clock_ten_years_ahead_is_told_with_its_sign() -> None:
    ahead = Moment(at_s=moment(100).at_s + 315_360_000, up_s=100.0, boot="boot-a", clock=ClockState.UNSYNC)
    mended = clock_mended(ahead, moment(160))
    assert mended is not None and "-315360000 s" in mended.detail


def test_device_that_tells_again_who_it_is_ends_its_silence() -> None:
    seen = after_look(None, look(at_s=0))
    silent = after_look(after_look(seen, look("silent", at_s=100)), look("refused", at_s=200))
    assert of_device(silent, look("silent", at_s=300)) is None
    assert of_device(seen, look(at_s=300)) is None
    assert of_device(None, look()) is None
    silence = of_device(silent, look(at_s=300))
    assert silence is not None
    assert (silence.asset_id, silence.reason, silence.detail, silence.lasted_s) == ("press-07", "device", "refused", 300.0)
