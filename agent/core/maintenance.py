"""Maintenance windows: when nothing is asked of any device, by the plant's own clock on the wall.

Decides whether a moment lies in a window, or too near before one for a visit to end in time. Never reads a clock, never
remembers anything: each decision is made afresh from the moment it is given, so a clock that is put right takes effect at the
next decision, and the two nights of a year on which clocks change need no case of their own.

A window is a stretch of local time. On the night when clocks go back its hour comes twice and is kept twice; on the night when
they go forward a window inside of the missing hour does not come.

How far the clock can be believed decides how wide a window is kept:

    sync        as written
    holdover    a quarter of an hour wider on both sides
    unsync      always: a gateway that does not know the time asks nothing, where there are windows at all

Source: the plant file, `[[collect.maintenance]]`; docs/decisions/0008-politeness.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from agent.core.moment import ClockState, Moment

HOLDOVER_MARGIN_S = 900.0
"""How wrong a clock may be that once agreed with a time server in this boot. A poor quartz (100 ppm) needs a hundred days for it."""

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_PER_DAY = 1440

_Span = tuple[float, float]


class WindowError(ValueError):
    """Days or a time of day are not written as a window needs them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A stretch of local time that comes round every week.

    Attributes:
        days: Weekdays on which it begins, 0 for Monday to 6 for Sunday.
        begin_min: Minutes after midnight, 0 to 1439.
        end_min: The same; not after `begin_min` means the next day.
        zone: Whose local time.
    """

    days: frozenset[int]
    begin_min: int
    end_min: int
    zone: tzinfo


def weekdays(text: str) -> frozenset[int]:
    """Read the days of a window.

    Raises:
        WindowError: It names no days.

    >>> sorted(weekdays("mon-wed, sat"))
    [0, 1, 2, 5]
    >>> sorted(weekdays("sat-mon"))
    [0, 5, 6]
    """
    found: set[int] = set()
    for part in text.lower().split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        if first not in DAYS or (dash and last not in DAYS):
            raise WindowError(f"{part.strip()!r} is no day; write mon-fri, or sat, sun")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        found.update((begin + day) % 7 for day in range((end - begin) % 7 + 1))
    return frozenset(found)


def minute_of_day(text: str) -> int:
    """Read a time of day, HH:MM.

    Raises:
        WindowError: It is none.

    >>> minute_of_day("06:30")
    390
    """
    hours, colon, minutes = text.partition(":")
    digits = len(hours) == len(minutes) == 2 and (hours + minutes).isascii() and (hours + minutes).isdigit()
    if not colon or not digits or int(hours) > 23 or int(minutes) > 59:
        raise WindowError(f"{text!r} is no time of day; write 06:00")
    return int(hours) * 60 + int(minutes)


def pause(windows: Iterable[Window], now: Moment, *, visit_s: float) -> str:
    """Return why nothing may be asked now, as a sentence; empty if visits may start.

    Args:
        windows: Of the plant file; none means never a pause.
        now: The moment of the decision.
        visit_s: How long a visit that starts now may take: it must have ended when a window begins.
    """
    windows = tuple(windows)
    if not windows:
        return ""
    if now.clock is ClockState.UNSYNC:
        return "The clock agrees with no time server, so nobody knows whether a maintenance window is open: nothing is asked."
    margin_s = HOLDOVER_MARGIN_S if now.clock is ClockState.HOLDOVER else 0.0
    kept = any(
        begin_s - margin_s - visit_s < now.at_s < end_s + margin_s
        for window in windows
        for begin_s, end_s in _spans_near(window, now.at_s)
    )
    return "A maintenance window is open: nothing is asked." if kept else ""


def _spans_near(window: Window, at_s: float) -> list[_Span]:
    """Return the window's stretches on the days around a moment, in seconds since 1970 UTC."""
    today = datetime.fromtimestamp(at_s, UTC).astimezone(window.zone).date()
    days = (today + timedelta(days=offset) for offset in range(-2, 3))
    return [span for day in days if day.weekday() in window.days for span in [_span(window, day)] if span[0] < span[1]]


def _span(window: Window, day: date) -> _Span:
    """Return one stretch: from the first time that its begin is shown to the last time that its end is."""
    over = MINUTES_PER_DAY if window.end_min <= window.begin_min else 0
    return _at(window, day, window.begin_min, fold=0), _at(window, day, window.end_min + over, fold=1)


def _at(window: Window, day: date, minutes: int, *, fold: int) -> float:
    days, minute = divmod(minutes, MINUTES_PER_DAY)
    there = day + timedelta(days=days)
    local = datetime(there.year, there.month, there.day, minute // 60, minute % 60, tzinfo=window.zone, fold=fold)
    return local.timestamp()
