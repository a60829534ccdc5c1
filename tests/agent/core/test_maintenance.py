"""Maintenance windows: nothing is asked in them, on any day of the year, with a clock that jumps or cannot be believed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.maintenance import HOLDOVER_MARGIN_S, Window, WindowError, minute_of_day, pause, weekdays
from agent.core.moment import ClockState, Moment

BERLIN = ZoneInfo("Europe/Berlin")
SHIFT = Window(days=weekdays("mon-fri"), begin_min=6 * 60, end_min=14 * 60, zone=BERLIN)
NIGHT = Window(days=weekdays("sat"), begin_min=22 * 60, end_min=4 * 60, zone=BERLIN)


def at(local: str, *, zone: ZoneInfo = BERLIN, clock: ClockState = ClockState.SYNC, fold: int = 0) -> Moment:
    time = datetime.fromisoformat(local).replace(tzinfo=zone, fold=fold)
    return Moment(at_s=time.timestamp(), up_s=0.0, boot="a", clock=clock)


def kept(window: Window, now: Moment, visit_s: float = 0.0) -> bool:
    return bool(pause([window], now, visit_s=visit_s))


@pytest.mark.parametrize(
    ("local", "open_"),
    [
        ("2026-11-23T05:59:59", False),
        ("2026-11-23T06:00:01", True),
        ("2026-11-23T13:59:59", True),
        ("2026-11-23T14:00:00", False),
        ("2026-11-22T10:00:00", False),  # a Sunday
    ],
)
def test_window_is_open_from_its_begin_to_its_end_on_its_days(local: str, open_: bool) -> None:
    assert kept(SHIFT, at(local)) is open_


@pytest.mark.parametrize(
    ("local", "open_"),
    [
        ("2026-11-21T21:59:00", False),
        ("2026-11-21T22:01:00", True),
        ("2026-11-22T03:59:00", True),  # still Saturday's window
        ("2026-11-22T04:01:00", False),
        ("2026-11-22T22:30:00", False),
    ],
)
def test_window_over_midnight_belongs_to_the_day_on_which_it_begins(local: str, open_: bool) -> None:
    assert kept(NIGHT, at(local)) is open_


def test_a_visit_that_could_run_into_a_window_does_not_start() -> None:
    assert not kept(SHIFT, at("2026-11-23T05:59:00"), visit_s=59)
    assert kept(SHIFT, at("2026-11-23T05:59:00"), visit_s=61)


def test_the_whole_day_is_a_window_from_a_time_to_the_same_time() -> None:
    day = Window(days=weekdays("sun"), begin_min=0, end_min=0, zone=BERLIN)
    assert kept(day, at("2026-11-22T23:59:00")) and not kept(day, at("2026-11-23T00:00:00"))


def test_hour_that_comes_twice_is_kept_twice() -> None:
    window = Window(days=weekdays("sun"), begin_min=2 * 60, end_min=3 * 60, zone=BERLIN)
    moments = [at("2026-10-25T02:30:00", fold=fold) for fold in (0, 1)]
    assert moments[1].at_s - moments[0].at_s == 3600
    assert all(kept(window, now) for now in moments)
    assert not kept(window, at("2026-10-25T03:00:01", fold=0)) and not kept(window, at("2026-10-25T01:59:59"))


def test_window_that_ends_inside_of_the_hour_that_comes_twice_ends_the_second_time() -> None:
    window = Window(days=weekdays("sun"), begin_min=60, end_min=2 * 60 + 30, zone=BERLIN)
    assert kept(window, at("2026-10-25T02:45:00", fold=0)) and kept(window, at("2026-10-25T02:29:00", fold=1))
    assert not kept(window, at("2026-10-25T02:31:00", fold=1))


def test_window_around_the_missing_hour_is_an_hour_shorter_and_kept() -> None:
    window = Window(days=weekdays("sun"), begin_min=60, end_min=4 * 60, zone=BERLIN)
    assert kept(window, at("2026-03-29T01:59:59")) and kept(window, at("2026-03-29T03:00:01"))
    assert not kept(window, at("2026-03-29T04:00:01"))


def test_window_inside_of_the_missing_hour_harms_nobody() -> None:
    window = Window(days=weekdays("sun"), begin_min=2 * 60 + 15, end_min=2 * 60 + 45, zone=BERLIN)
    assert not kept(window, at("2026-03-29T12:00:00"))


def test_clock_in_holdover_keeps_windows_wider() -> None:
    before, behind = "2026-11-23T05:50:00", "2026-11-23T14:10:00"
    assert HOLDOVER_MARGIN_S > 600
    for local in (before, behind):
        assert not kept(SHIFT, at(local)) and kept(SHIFT, at(local, clock=ClockState.HOLDOVER))


def test_clock_that_nobody_vouches_for_keeps_windows_always_and_says_why() -> None:
    assert "time server" in pause([SHIFT], at("2026-11-22T10:00:00", clock=ClockState.UNSYNC), visit_s=0)


def test_without_windows_no_clock_is_needed() -> None:
    assert pause([], at("2026-11-22T10:00:00", clock=ClockState.UNSYNC), visit_s=0) == ""


@pytest.mark.parametrize("text", ["", "mo", "mon-", "-fri", "mon..fri", "8", "mon;tue", "everyday"])
def test_days_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(WindowError):
        weekdays(text)


@pytest.mark.parametrize("text", ["", "6:00", "24:00", "06:60", "06-00", "0600", " 6:00", "-1:00", "\u0660\u0666:00"])
def test_times_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(WindowError):
        minute_of_day(text)


ZONES = st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia", "UTC"])
WINDOWS = st.builds(
    Window,
    days=st.sets(st.integers(0, 6), min_size=1).map(frozenset),
    begin_min=st.integers(0, 1439),
    end_min=st.integers(0, 1439),
    zone=ZONES.map(ZoneInfo),
)
YEAR = st.floats(min_value=datetime(2026, 1, 1, tzinfo=UTC).timestamp(), max_value=datetime(2027, 12, 31, tzinfo=UTC).timestamp())


@given(WINDOWS, YEAR)
def test_whoever_reads_a_time_of_the_window_off_the_wall_is_not_asked(window: Window, at_s: float) -> None:
    """The other way round: local time is computed from the moment, and compared as a person would."""
    wall = datetime.fromtimestamp(at_s, window.zone)
    minute = wall.hour * 60 + wall.minute
    yesterday = (wall.date() - timedelta(days=1)).weekday()
    if window.begin_min < window.end_min:
        inside = wall.weekday() in window.days and window.begin_min < minute < window.end_min
    else:
        inside = (wall.weekday() in window.days and minute > window.begin_min) or (
            yesterday in window.days and minute < window.end_min
        )
    if inside:
        assert kept(window, Moment(at_s=at_s, up_s=0.0, boot="a", clock=ClockState.SYNC))


@given(WINDOWS, YEAR, st.floats(-1e9, 1e9))
def test_a_clock_that_jumped_is_judged_by_where_it_is_now(window: Window, at_s: float, jump_s: float) -> None:
    here = Moment(at_s=at_s, up_s=5.0, boot="a", clock=ClockState.SYNC)
    back = [
        Moment(at_s=at_s + offset, up_s=up_s, boot="a", clock=ClockState.SYNC) for offset, up_s in ((jump_s, 6.0), (0.0, 7.0))
    ]
    assert [kept(window, now) for now in (here, back[1])] == [kept(window, here)] * 2
    assert isinstance(kept(window, back[0]), bool)


@given(WINDOWS, YEAR, st.floats(0, 3600))
def test_no_visit_that_may_start_is_still_running_when_a_window_opens(window: Window, at_s: float, visit_s: float) -> None:
    starts = Moment(at_s=at_s, up_s=0.0, boot="a", clock=ClockState.SYNC)
    if not kept(window, starts, visit_s):
        ends = [at_s + visit_s * share for share in (0.0, 0.3, 0.7, 1.0)]
        assert not any(kept(window, Moment(at_s=end, up_s=0.0, boot="a", clock=ClockState.SYNC)) for end in ends)
