"""What a role can find out by itself, from inside its own unit: does the kernel keep its promises, is there room, is the clock right?

Decides nothing (each check does). Never connects to anything: the one attempt, at the start, goes to the loopback network. A role that
was not started by systemd has no unit, and says that instead of trying.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from agent.clock import MADE_S
from agent.core.limits import FREE_FLOOR_BYTES
from agent.core.moment import ClockState, Moment
from agent.core.vitals import MOST_FOUND, Found
from agent.doctor import egress, machine
from agent.doctor.finding import Finding, State
from agent.notify import is_unit

CGROUPS = Path("/sys/fs/cgroup")
OWN_GROUP = Path("/proc/self/cgroup")
UNIT_DIR = Path("/etc/systemd/system")
DROP_IN = "10-plant.conf"
"""The file of `nameplated units` beside a unit."""

MOST_LETTERS = 512


def told(findings: Iterable[Finding]) -> list[Found]:
    """Give findings the form in which a role tells them, within bounds."""
    return [
        Found(name=one.name, state=one.state, detail=one.detail[:MOST_LETTERS], remedy=one.remedy[:MOST_LETTERS])
        for one in list(findings)[:MOST_FOUND]
    ]


def look_around(
    *,
    environment: Mapping[str, str] = os.environ,
    attempt: Callable[[], egress.Attempt] = egress.attempt,
    cgroups: Path = CGROUPS,
    own_group: Path = OWN_GROUP,
) -> list[Finding]:
    """Look once, at what stays for the life of a process.

    Args:
        environment: Tells whether systemd started this process.
        attempt: How a forbidden connection is tried.
        cgroups: Where the kernel shows groups of processes.
        own_group: Says which of them is ours.
    """
    if not is_unit(environment):
        remedy = "Start the units; docs/install.md."
        return [Finding("networks", State.WARN, "not started by systemd: no address list keeps the networks apart", remedy)]
    return [egress.check(attempt), _memory_limit(cgroups, own_group)]


def look_again(
    folder: Path,
    plant_file: Path | None = None,
    *,
    environment: Mapping[str, str] = os.environ,
    own_group: Path = OWN_GROUP,
    unit_dir: Path = UNIT_DIR,
) -> list[Finding]:
    """Look at what changes while a role runs, and costs next to nothing to look at: the volume, the drop-in.

    Args:
        folder: The role's own.
        plant_file: As the role was told, or None where that is not known.
        environment: Tells whether systemd started this process.
        own_group: Says which unit that is.
        unit_dir: Where drop-ins of units lie.
    """
    seen = [_volume(folder)]
    unit = Path(_own_group(own_group)).name if is_unit(environment) else ""
    if plant_file is not None and unit.endswith(".service"):
        seen.append(_drop_in(unit_dir / f"{unit}.d" / DROP_IN, plant_file))
    return [one for one in seen if one]


def clock(now: Moment, *, made_s: float = MADE_S) -> Finding:
    """Say what the clock is worth. A gateway without one still works; its reports say how far their times can be believed."""
    if now.at_s < made_s:
        wrong = machine.clock(now_s=now.at_s, made_s=made_s, synchronized=False)
        return Finding("clock", State.BAD, f"{wrong.detail}; reports say so", wrong.remedy)
    if now.clock is ClockState.UNSYNC:
        remedy = "Wait for the time server, or name one in /etc/systemd/timesyncd.conf."
        return Finding("clock", State.WARN, "no time server has confirmed the clock; reports say so", remedy)
    return Finding("clock", State.OK, "confirmed by a time server")


def _memory_limit(cgroups: Path, own_group: Path) -> Finding:
    """Judge the limit of the group that this process is in: the unit's."""
    group = _own_group(own_group)
    limit = _text(cgroups / group.lstrip("/") / "memory.max") if group else ""
    return machine.memory_limit(_text(cgroups / "cgroup.controllers") or None, {Path(group).name: limit or None})


def _volume(folder: Path) -> Finding | None:
    """Judge the volume that the role writes to; before its folder is there, nothing is known of it."""
    try:
        figures = os.statvfs(folder)
    except OSError:
        return None
    free_bytes, read_only = figures.f_bavail * figures.f_frsize, bool(figures.f_flag & os.ST_RDONLY)
    return machine.floor(free_bytes=free_bytes, floor_bytes=FREE_FLOOR_BYTES, read_only=read_only)


def _drop_in(drop_in: Path, plant_file: Path) -> Finding | None:
    """Judge by their times whether the unit's address list can know what the plant file says now."""
    newest_s = max(filter(None, map(_changed_s, [plant_file, *plant_file.parent.glob("conf.d/*.toml")])), default=None)
    made_s = _changed_s(drop_in)
    remedy = "Run `nameplated units --write /etc/systemd/system`, then `systemctl daemon-reload` and restart nameplated.target."
    if made_s is None:
        return Finding("units", State.BAD, f"no drop-in at {drop_in}: the unit can reach nothing", remedy)
    if newest_s is not None and made_s < newest_s:
        return Finding(
            "units", State.WARN, "the plant file is newer than the unit's address list, which may lack a device", remedy
        )
    return Finding("units", State.OK, "the unit's address list is newer than the plant file")


def _changed_s(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def _own_group(own_group: Path) -> str:
    return _text(own_group).strip().rpartition("::")[2]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
