"""What a role can find out about its own unit, from inside and at its start: does the kernel keep the promises made for it?

Decides nothing (each check does). Never connects to anything: the one attempt goes to the loopback network. A role that was not
started by systemd has no unit, and says that instead of trying.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from agent.core.moment import ClockState
from agent.core.vitals import Found
from agent.doctor import egress, machine
from agent.doctor.finding import Finding, State
from agent.notify import is_unit

CGROUPS = Path("/sys/fs/cgroup")
OWN_GROUP = Path("/proc/self/cgroup")


def look_around(
    clock: ClockState,
    *,
    environment: Mapping[str, str] = os.environ,
    attempt: Callable[[], egress.Attempt] = egress.attempt,
    cgroups: Path = CGROUPS,
    own_group: Path = OWN_GROUP,
) -> list[Found]:
    """Look once.

    Args:
        clock: How far the wall clock can be believed.
        environment: Tells whether systemd started this process.
        attempt: How a forbidden connection is tried.
        cgroups: Where the kernel shows groups of processes.
        own_group: Says which of them is ours.
    """
    if not is_unit(environment):
        remedy = "Start the units; docs/install.md."
        found = [Finding("networks", State.WARN, "not started by systemd: no address list keeps the networks apart", remedy)]
    else:
        found = [egress.check(attempt), _memory_limit(cgroups, own_group)]
    return [Found(name=one.name, state=one.state, detail=one.detail, remedy=one.remedy) for one in [*found, _clock(clock)]]


def _memory_limit(cgroups: Path, own_group: Path) -> Finding:
    """Judge the limit of the group that this process is in: the unit's."""
    group = _text(own_group).strip().rpartition("::")[2]
    limit = _text(cgroups / group.lstrip("/") / "memory.max") if group else ""
    return machine.memory_limit(_text(cgroups / "cgroup.controllers") or None, {Path(group).name: limit or None})


def _clock(clock: ClockState) -> Finding:
    """A gateway without a clock still works; its reports say how far their times can be believed."""
    if clock is ClockState.UNSYNC:
        remedy = "Wait for the time server, or name one in /etc/systemd/timesyncd.conf."
        return Finding("clock", State.WARN, "no time server has confirmed the clock; reports say so", remedy)
    return Finding("clock", State.OK, "confirmed by a time server")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
