"""The machine itself: memory limits, clock, disk, interpreter. What a role cannot see from inside its unit.

Decides from figures and texts that `agent.doctor.examine` has read; reads nothing itself.

Source: docs.kernel.org/admin-guide/cgroup-v2 (`memory.max`).
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from agent.doctor.finding import Finding, State

_MIB = 1024 * 1024

WAL_BYTES = 8 * _MIB  # beside the outbox, at its largest
LEAST_FREE_BYTES = 16 * _MIB
OLDEST_PYTHON = (3, 11)
SYSTEMD_SINCE = {"NoExecPaths=": 248, "ExecPaths=": 248, "PrivateIPC=": 248, "SocketBindDeny=": 249}
"""The newest directives of the units, each with the version that knows it. An older one passes over it with a line in its log."""

SEALED_SINCE = {"LoadCredentialEncrypted=": 250}
OLDEST_SQLITE = (3, 37)  # STRICT tables


def memory_limit(controllers: str | None, limits: Mapping[str, str | None]) -> Finding:
    """Say whether `MemoryMax=` is real.

    Args:
        controllers: Content of the root group's `cgroup.controllers`; None without cgroup v2.
        limits: Unit to the content of its `memory.max`; None for a unit that does not run.
    """
    name = "memory-limit"
    if controllers is None or "memory" not in controllers.split():
        remedy = "Boot with cgroup v2 and cgroup_enable=memory (Raspberry Pi OS: /boot/firmware/cmdline.txt). Until then LimitDATA= holds."
        return Finding(name, State.BAD, "the kernel keeps no account of a unit's memory, so MemoryMax= means nothing", remedy)
    known = {unit: limit.strip() for unit, limit in limits.items() if limit is not None}
    unlimited = sorted(unit for unit, limit in known.items() if not limit.isdecimal())
    if unlimited:
        return Finding(name, State.WARN, f"no limit on {', '.join(unlimited)}", "Take back what overrides MemoryMax=.")
    if not known:
        return Finding(name, State.UNKNOWN, "the kernel can limit memory; no unit runs to look at", "Start nameplated.target.")
    shown = ", ".join(f"{unit} {int(limit) // _MIB} MiB" for unit, limit in sorted(known.items()))
    return Finding(name, State.OK, f"limited: {shown}")


def clock(*, now_s: float, made_s: float, synchronized: bool) -> Finding:
    """Say what the wall clock is worth.

    Args:
        now_s: Seconds since 1970, as the wall clock has it.
        made_s: The same, of when this program was made: no true clock is before it.
        synchronized: A time server has answered since the machine started.
    """
    shown = datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if now_s < made_s:
        return Finding("clock", State.BAD, f"{shown} is before this program was made", "Set the clock; TLS fails until then.")
    if not synchronized:
        remedy = "Name the plant's time server in /etc/systemd/timesyncd.conf, then `timedatectl set-ntp true`."
        return Finding("clock", State.WARN, f"{shown}, which no time server has confirmed; reports say so", remedy)
    return Finding("clock", State.OK, f"{shown}, confirmed by a time server")


def volume(*, free_bytes: int, still_needed_bytes: int, read_only: bool) -> Finding:
    """Say whether the spool meets its own limit before it meets a full disk.

    Args:
        free_bytes: What an ordinary user may still write.
        still_needed_bytes: What journal and outbox may still grow by.
        read_only: The volume is mounted so, or has become so after an error.
    """
    shown = f"{free_bytes // _MIB} MiB free, {still_needed_bytes // _MIB} MiB may still be needed"
    if read_only:
        return Finding("volume", State.BAD, "the state directory is on a read-only volume", "Look for disk errors in `dmesg`.")
    if free_bytes < LEAST_FREE_BYTES:
        return Finding("volume", State.BAD, shown, "Free space: collecting stops when nothing can be written down.")
    if free_bytes < still_needed_bytes:
        return Finding("volume", State.WARN, shown, "Free space, or lower the limits in [spool].")
    return Finding("volume", State.OK, shown)


def floor(*, free_bytes: int, floor_bytes: int, read_only: bool) -> Finding:
    """Say whether a role still has the room that its spool leaves to everyone else on the volume.

    Args:
        free_bytes: What an ordinary user may still write.
        floor_bytes: What has to stay free.
        read_only: The volume is mounted so, or has become so after an error.
    """
    if read_only:
        return Finding("volume", State.BAD, "the state directory is on a read-only volume", "Look for disk errors in `dmesg`.")
    if free_bytes < floor_bytes:
        shown = (
            f"{free_bytes // _MIB} MiB are free, and {floor_bytes // _MIB} have to stay free: the spool does not grow any more"
        )
        return Finding("volume", State.BAD, shown, "Free space on the volume of the state directory.")
    return Finding("volume", State.OK, f"{floor_bytes // _MIB} MiB or more are free")


def interpreter(*, python: tuple[int, ...], sqlite: tuple[int, ...], bits: int) -> Finding:
    """Say whether Python and SQLite are new enough, and the machine wide enough."""
    shown = f"Python {_dotted(python)}, SQLite {_dotted(sqlite)}, {bits} bits"
    if python < OLDEST_PYTHON or sqlite < OLDEST_SQLITE:
        remedy = f"Python {_dotted(OLDEST_PYTHON)} and SQLite {_dotted(OLDEST_SQLITE)} are the oldest that will do."
        return Finding("interpreter", State.BAD, shown, remedy)
    if bits < 64:
        return Finding("interpreter", State.WARN, shown, "Take a 64-bit system: some libraries are not made for 32 any more.")
    return Finding("interpreter", State.OK, shown)


def systemd(told: str, *, sealed: bool) -> list[Finding]:
    """Say which directives of the units systemd does not know or was not built for; nothing where there is no systemd.

    Args:
        told: What `systemctl --version` says.
        sealed: A drop-in hands a unit a credential.
    """
    found = re.match(r"systemd (\d+)", told)
    if not found:
        return []
    version = int(found[1])
    wanted = SYSTEMD_SINCE | (SEALED_SINCE if sealed else {})
    dropped = [directive for directive, since in wanted.items() if since > version]
    if dropped:
        remedy = f"Take systemd {max(wanted.values())} or later; until then these protections are missing, and all others hold."
        return [Finding("systemd", State.WARN, f"systemd {version} does not know {', '.join(dropped)}", remedy)]
    # Debian 12 is built so. That nothing listens is in the program, and tested there.
    unbuilt = "; built without what enforces SocketBindDeny=, and no role listens anyway" if "-BPF_FRAMEWORK" in told else ""
    return [Finding("systemd", State.OK, f"systemd {version} knows every directive of the units{unbuilt}")]


def bytecode(missing: Mapping[str, int]) -> Finding:
    """Say whether the packages are byte-compiled.

    Args:
        missing: Package to its number of modules without bytecode.
    """
    lacking = {package: number for package, number in missing.items() if number}
    if not lacking:
        return Finding("bytecode", State.OK, f"{len(missing)} packages are byte-compiled")
    shown = ", ".join(f"{package} ({number})" for package, number in sorted(lacking.items()))
    remedy = "Run `/opt/nameplated/venv/bin/python -m compileall -q /opt/nameplated/venv/lib` as root."
    return Finding("bytecode", State.WARN, f"not byte-compiled, so that each OPC UA visit costs more: {shown}", remedy)


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version[:3]))
