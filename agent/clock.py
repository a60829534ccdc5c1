"""The clocks of this machine, read once per decision.

Decides how far the wall clock can be believed. Never used inside `agent.core`, which gets a `Moment` as an argument.
"""

import time
from collections.abc import Callable
from pathlib import Path

from agent.core.moment import ClockState, Moment

SYNCHRONIZED = Path("/run/systemd/timesync/synchronized")
"""Made by systemd-timesyncd when a time server has answered. `adjtimex` would tell more, but our unit may not call it."""

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

Clock = Callable[[], Moment]


def system_clock() -> Clock:
    """Return a function that reads this machine's clocks."""
    boot = BOOT_ID.read_text().strip()
    seen_synchronized = False

    def now() -> Moment:
        nonlocal seen_synchronized
        synchronized = SYNCHRONIZED.exists()
        seen_synchronized = seen_synchronized or synchronized
        holdover = ClockState.HOLDOVER if seen_synchronized else ClockState.UNSYNC
        state = ClockState.SYNC if synchronized else holdover
        return Moment(at_s=time.time(), up_s=time.clock_gettime(time.CLOCK_BOOTTIME), boot=boot, clock=state)

    return now
