"""What the kernel knows of its clock: whether a time server disciplines it, whichever program listens to that server.

Decides from one figure: the largest error that the clock may have. It is small while somebody keeps the clock, grows by itself when
nobody does any more, and stands at 16 s when nobody ever did. `timedatectl` says "synchronized" by the same rule, and so it is also
true for chrony without `rtcsync`. Never sets anything: it asks with no mode at all.

    python -I -m agent.discipline FILE     make FILE while the clock is disciplined, take it away while it is not

Source: adjtimex(2), `maxerror`; Linux kernel/time/ntp.c, `NTP_PHASE_LIMIT`.
"""

import ctypes
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

UNKNOWN_ERROR_US = 16_000_000
_ROOM_BYTES = 512  # of struct timex, which has 208

Kernel = Callable[[], int | None]


def max_error_us() -> int | None:
    """Ask the kernel for the largest error of its clock, microseconds; None if it does not say, or we may not ask."""
    answer = (ctypes.c_long * (_ROOM_BYTES // ctypes.sizeof(ctypes.c_long)))()  # all zeros: modes 0, only read
    try:
        if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(answer)) < 0:
            return None
    except (OSError, AttributeError):
        return None
    return answer[3]  # modes with its padding, offset, freq, maxerror


def ask_kernel(kernel: Kernel = max_error_us) -> bool:
    """Tell whether a time server disciplines the clock.

    >>> ask_kernel(lambda: 1_500), ask_kernel(lambda: 16_000_000), ask_kernel(lambda: None)
    (True, False, False)
    """
    error_us = kernel()
    return error_us is not None and 0 <= error_us < UNKNOWN_ERROR_US


def leave_sign(sign: Path, *, disciplined: bool) -> None:
    """Make the sign, or take it away.

    Raises:
        OSError: It cannot be written there.
    """
    if disciplined:
        os.close(os.open(sign, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644))
    else:
        sign.unlink(missing_ok=True)


def main(arguments: Sequence[str]) -> int:
    """Look once, and leave the sign."""
    (sign,) = arguments
    leave_sign(Path(sign), disciplined=ask_kernel())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
