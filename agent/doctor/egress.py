"""Does the kernel really refuse what `IPAddressDeny=` forbids? It does not in a container, in a user's unit, without cgroup BPF.

Decides what an attempt means. The attempt is one empty datagram to an address of the loopback network that nobody configures:
a filter that works refuses it at once, and where none works it goes nowhere. A TCP connection would not tell: the kernel drops
its SYN without a word, and a time-out is what any silent network gives. Nothing ever leaves the machine for this.

Only from inside a unit is the answer about that unit. `sudo nameplated doctor` makes a unit of its own for it.
Source: systemd.resource-control(5); Linux `BPF_CGROUP_INET_EGRESS`, measured on 6.18: sendto EPERM, connect times out.
"""

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from agent.doctor.finding import Finding, State

FORBIDDEN = ("127.255.255.254", 9)  # loopback, RFC 1122 section 3.2.1.3; port 9 discards, RFC 863
OWN_UNIT_TIMEOUT_S = 20.0

_REMEDY = (
    "Run the units of the system's own systemd, not in a container, on a kernel with CONFIG_CGROUP_BPF and cgroup v2. "
    "Until then keep the networks apart with a packet filter."
)


class Attempt(StrEnum):
    """What became of a datagram to a forbidden address."""

    REFUSED = "refused"  # by the kernel: EPERM
    SENT = "sent"
    UNCLEAR = "unclear"
    NOT_MADE = "not-made"


def attempt(address: tuple[str, int] = FORBIDDEN) -> Attempt:
    """Send one empty datagram from this process and see what the kernel says. Takes no time."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
            channel.sendto(b"", address)
    except OSError as error:  # EACCES is a broadcast without leave, not a filter
        return Attempt.REFUSED if error.errno == errno.EPERM else Attempt.UNCLEAR
    return Attempt.SENT


def attempt_in_a_unit(*, is_root: bool = os.geteuid() == 0, booted: Path = Path("/run/systemd/system")) -> Attempt:
    """Let systemd make a unit that may reach nothing, and attempt it in there. Not made without root or without systemd.

    Outside of that unit the same attempt must get through, or something else than the unit's list refuses it.
    """
    if not is_root or not booted.is_dir():
        return Attempt.NOT_MADE
    if attempt() is not Attempt.SENT:
        return Attempt.UNCLEAR
    unit = ["systemd-run", "--quiet", "--wait", "--pipe", "--collect", "--property=IPAddressDeny=any"]
    command = [*unit, sys.executable, "-I", "-m", "agent.doctor.egress"]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=OWN_UNIT_TIMEOUT_S)  # noqa: S603  # our own words
        return Attempt(done.stdout.decode("ascii", "replace").strip())
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return Attempt.UNCLEAR


def judge(outcome: Attempt) -> Finding:
    """Say what an attempt means for the address lists of the units."""
    match outcome:
        case Attempt.REFUSED:
            return Finding("networks", State.OK, "the kernel refuses what a unit's address list forbids")
        case Attempt.SENT:
            return Finding("networks", State.BAD, "the kernel lets a unit reach what its address list forbids", _REMEDY)
        case Attempt.UNCLEAR:
            return Finding("networks", State.UNKNOWN, "it cannot be told who refuses what, or nothing could be tried", _REMEDY)
        case Attempt.NOT_MADE:
            remedy = "Run `sudo nameplated doctor` on a machine that systemd has started."
            return Finding("networks", State.UNKNOWN, "only root can make a unit to try it in, and only with systemd", remedy)


def check(attempt: Callable[[], Attempt] = attempt_in_a_unit) -> Finding:
    """Make an attempt and judge it. A role passes `attempt` itself: it is in its unit already."""
    return judge(attempt())


if __name__ == "__main__":
    sys.stdout.write(attempt())
