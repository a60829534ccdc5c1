"""Time as an argument: one reading of every clock the gateway has, and how long ago another one was.

Decides how much time has passed, also across restarts and clocks that lie. Never reads a clock: `agent.clock` does.

A gateway without a clock battery starts in the past and jumps forward when it finds a time server. So nothing waits on wall
time: within one boot the uptime counts, and across boots the wall clock is believed only where it cannot do harm.
"""

from datetime import UTC, datetime
from enum import StrEnum

import msgspec


class ClockState(StrEnum):
    """How far the wall clock can be believed."""

    SYNC = "sync"  # disciplined by a time server now
    HOLDOVER = "holdover"  # was disciplined earlier in this boot
    UNSYNC = "unsync"  # never, as far as we know


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One reading of the clocks.

    Attributes:
        at_s: Wall clock, seconds since 1970 UTC.
        up_s: Seconds since boot, suspend included (CLOCK_BOOTTIME). Never jumps.
        boot: Random id of this boot.
        clock: How far `at_s` can be believed.
    """

    at_s: float
    up_s: float
    boot: str
    clock: ClockState

    @property
    def text(self) -> str:
        """The wall clock as RFC 3339 in UTC, to the millisecond."""
        return rfc3339(self.at_s)


def rfc3339(at_s: float) -> str:
    """Write a wall-clock time as RFC 3339 in UTC, to the millisecond.

    >>> rfc3339(0.5)
    '1970-01-01T00:00:00.500Z'
    """
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def elapsed_s(since: Moment, now: Moment) -> float:
    """Return how many seconds have surely passed between two moments, 0 or more.

    Within one boot this is exact. Across boots only the wall clock is left, and a clock that went backwards proves nothing:
    then nothing has passed, and whoever waits goes on waiting.

    >>> first = Moment(at_s=100.0, up_s=5.0, boot="a", clock=ClockState.SYNC)
    >>> elapsed_s(first, Moment(at_s=0.0, up_s=65.0, boot="a", clock=ClockState.UNSYNC))
    60.0
    >>> elapsed_s(first, Moment(at_s=40.0, up_s=1.0, boot="b", clock=ClockState.UNSYNC))
    0.0
    """
    if since.boot == now.boot:
        return max(0.0, now.up_s - since.up_s)
    return max(0.0, now.at_s - since.at_s)
