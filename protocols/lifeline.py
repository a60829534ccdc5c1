"""A child process that ends with its parent, however the parent ends.

Decides nothing. A parent that is killed with SIGKILL can end nobody any more, so the kernel is asked to. Linux alone has this;
elsewhere nothing happens. Source: prctl(2), PR_SET_PDEATHSIG.
"""

import ctypes
import os
import signal
import sys

_SET_DEATH_SIGNAL = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded here: between fork and exec nothing may be


def end_with_parent(parent: int | None = None) -> None:
    """Let the kernel send this process SIGTERM when its parent is gone. Meant for the moment between fork and exec.

    Args:
        parent: The parent's process id, to notice that it was gone before this was said; None to leave that out.
    """
    if _LIBC is None:
        return
    _LIBC.prctl(_SET_DEATH_SIGNAL, signal.SIGTERM, 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)
