"""What systemd is told: ready, what we do now, still alive, slow, stopping; and what it tells us about itself.

Decides how long reading a file may take. Silent where systemd is not there, and never fails: a role does its work with or
without somebody who listens. Source: sd_notify(3), sd_watchdog_enabled(3).
"""

import contextlib
import os
import socket
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

LEAST_PATIENCE_S = 120
SLOWEST_BYTES_PER_S = 1_000_000
"""A worn flash card that is read in random order, page by page, while a file is checked or saved."""


def is_unit(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether systemd started this process as a service. A shell on a desktop has one of these two as well."""
    return "INVOCATION_ID" in environment and "NOTIFY_SOCKET" in environment


def notify(*states: str) -> None:
    """Send states such as `READY=1` or `STATUS=…` to the service manager, if there is one."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.sendto("\n".join(states).encode(), "\0" + address[1:] if address.startswith("@") else address)


def reloading() -> None:
    """Say that the plant file is being read again; `READY=1` ends it."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")


def watchdog_s() -> float | None:
    """Return how often the service manager wants to hear that we live, or None if it does not watch this process."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    told = os.environ.get("WATCHDOG_USEC", "")
    return int(told) / 1e6 if told.isdecimal() and int(told) else None


def patience_s(size_bytes: int) -> int:
    """Return how long checking, saving or making a file may take.

    >>> patience_s(0), patience_s(256 * 1024 * 1024)
    (120, 388)
    """
    return LEAST_PATIENCE_S + size_bytes // SLOWEST_BYTES_PER_S


@contextmanager
def patience(*files: Path) -> Generator[None, None, None]:
    """Ask the service manager for time while files are opened, which checks every page, or saves what a damaged one still holds.

    Nothing else of this process runs meanwhile, so the watchdog has to be as patient as the time limit of a start.
    """
    told = int(patience_s(sum(map(_size, files))) * 1e6)
    watched_s = watchdog_s()
    notify(f"EXTEND_TIMEOUT_USEC={told}", *([f"WATCHDOG_USEC={told}"] if watched_s else []))
    try:
        yield
    finally:
        if watched_s:
            notify(f"WATCHDOG_USEC={int(watched_s * 1e6)}")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
