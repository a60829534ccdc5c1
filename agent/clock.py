"""The clocks of this machine, read once per decision.

Decides how far the wall clock can be believed: never where it says a time before this program was made. Never used inside `agent.core`, which gets a `Moment` as an argument.

The kernel knows whether a time server disciplines the clock, whichever program listens to it; but our units may not ask it: the
one call that tells could also set the clock. So they look for the sign that systemd-timesyncd leaves, and for the one that
`nameplated-clock.service` leaves where another program keeps the clock, such as chrony. Outside of a unit the kernel is asked.
"""

import math
import os
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import agent
from agent.core.moment import ClockState, Moment
from agent.notify import is_unit

SIGNS = (Path("/run/systemd/timesync/synchronized"), Path("/run/nameplated/clock/synchronized"))
"""Each is there while a time server has answered: made by systemd-timesyncd, and by `agent.discipline`."""

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

LOOK_EVERY_S = 1.0

MADE_S = Path(agent.__file__).stat().st_mtime
"""When this program was made, as the file has it that the package gave the time of its source. No true clock is before it."""

Clock = Callable[[], Moment]


def system_clock(synchronized: Callable[[], bool] | None = None, *, at_s: Callable[[], float] = time.time) -> Clock:
    """Return a function that reads this machine's clocks.

    Args:
        synchronized: Tells whether a time server disciplines the wall clock now; None to look for it on this machine.
        at_s: Tells the wall clock, seconds since 1970.
    """
    is_synchronized = synchronized or now_and_then(is_disciplined())
    boot = boot_id(BOOT_ID)
    seen_synchronized = False

    def now() -> Moment:
        nonlocal seen_synchronized
        synchronized, told_s = is_synchronized(), at_s()
        seen_synchronized = seen_synchronized or synchronized
        holdover = ClockState.HOLDOVER if seen_synchronized else ClockState.UNSYNC
        state = ClockState.SYNC if synchronized else holdover
        believed = state if told_s >= MADE_S else ClockState.UNSYNC
        return Moment(at_s=told_s, up_s=time.clock_gettime(time.CLOCK_BOOTTIME), boot=boot, clock=believed)

    return now


@cache
def boot_id(file: Path) -> str:
    """Return the id of this boot.

    Where the kernel does not tell, a random one for the life of this process: a boot that cannot be told from others. Uptimes of two
    lives are then never compared, though they might be.
    """
    try:
        return file.read_text("ascii").strip() or os.urandom(16).hex()
    except (OSError, ValueError):
        return os.urandom(16).hex()


def now_and_then(look: Callable[[], bool], monotonic_s: Callable[[], float] = time.monotonic) -> Callable[[], bool]:
    """Look at most once in `LOOK_EVERY_S`: every envelope reads the clock, and whether it is kept changes over minutes."""
    looked_s, found = -math.inf, False

    def lately() -> bool:
        nonlocal looked_s, found
        now_s = monotonic_s()
        if now_s - looked_s >= LOOK_EVERY_S:
            looked_s, found = now_s, look()
        return found

    return lately


def is_disciplined() -> Callable[[], bool]:
    """Return what tells whether a time server disciplines the clock of this machine."""
    if is_unit():
        return lambda: any(sign.exists() for sign in SIGNS)
    from agent.discipline import ask_kernel  # brings ctypes, which a unit's memory does not pay for

    return lambda: any(sign.exists() for sign in SIGNS) or ask_kernel()
