"""Everything that `nameplated doctor` looks at, in one round. The effects of this package: reads files and figures of the machine.

Decides nothing (each check does). Never writes, never asks a device, and never changes a setting.
"""

import importlib.util
import os
import pwd
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from sqlite3 import sqlite_version_info  # its version alone: buffer.store has the only connections

from agent.clock import MADE_S, is_disciplined
from agent.deploy.dropin import PUBLISH, SINGLE, UNIT_DIR, UNITS, drop_ins, folders, host_names, serial_ports
from agent.deploy.lookup import look_up
from agent.doctor import broker, egress, files, machine, units
from agent.doctor.finding import Finding
from agent.keys.ring import CREDENTIAL
from agent.wiring import Places
from config.model import Plant

CGROUPS = Path("/sys/fs/cgroup")
SYSTEMD_TIMEOUT_S = 10.0
PACKAGES = (
    "agent",
    "buffer",
    "config",
    "evidence",
    "protocols",
    "asyncua",
    "cryptography",
    "msgspec",
    "nacl",
    "paho",
    "psutil",
    "pymodbus",
)
_PUT = "Put it there, owned by {user} and with mode 0600."

OT_USER, IT_USER = "nameplated-ot", "nameplated-it"


def examine(
    plant: Plant,
    *,
    unit_dir: Path = UNIT_DIR,
    cgroups: Path = CGROUPS,
    attempt: Callable[[], egress.Attempt] = egress.attempt_in_a_unit,
) -> list[Finding]:
    """Look at the machine that this runs on.

    Args:
        plant: What it is to be fit for.
        unit_dir: Where drop-ins of units lie.
        cgroups: Where the kernel shows groups of processes.
        attempt: How a forbidden connection is tried.
    """
    wanted = drop_ins(plant, look_up(host_names(plant), serial_ports(plant)))
    return [
        egress.check(attempt),
        units.check(wanted, units.installed(wanted, unit_dir)),
        machine.memory_limit(_text(cgroups / "cgroup.controllers"), _memory_limits(cgroups)),
        *_files(plant, unit_dir, single=(unit_dir / "multi-user.target.wants" / SINGLE).exists()),
        _volume(plant),
        machine.clock(now_s=time.time(), made_s=MADE_S, synchronized=is_disciplined()()),
        *machine.systemd(_systemd_version(), sealed=any(units.credentials(unit, unit_dir) for unit in UNITS)),
        machine.interpreter(python=sys.version_info[:3], sqlite=sqlite_version_info, bits=sys.maxsize.bit_length() + 1),
        machine.bytecode({package: _uncompiled(package) for package in PACKAGES}),
        broker.check(plant.broker),
    ]


def _files(plant: Plant, unit_dir: Path, *, single: bool) -> Iterable[Finding]:
    """Keys, passwords, folders and ports; each must belong to the user of its role, or to the one user of both."""
    places = Places(plant)
    sends = _user(IT_USER)
    asks = sends if single else _user(OT_USER)
    made = "; ".join(folders(plant, single=single))
    missing = f"Run `{made}`." if made else "Run `systemd-tmpfiles --create nameplated.conf`, or start the unit that makes it."
    yield files.folder("collect-folder", places.collect, owner=asks, missing=missing)
    yield files.folder("publish-folder", places.publish, owner=sends, missing=missing)
    yield files.folder("handover-folder", places.watermark.parent, owner=sends, missing=missing)
    signing = SINGLE if single else PUBLISH
    credentials = units.credentials(signing, unit_dir)
    for credential, sealed in credentials.items():
        yield files.sealed("report-key" if credential == CREDENTIAL else "credential", sealed, unit=signing)
    if CREDENTIAL not in credentials or plant.signing.key_file:
        make = f"Run `sudo -u {IT_USER} nameplated key init`."
        yield files.secret("report-key", plant.report_key_file, owner=sends, missing=make)
    for name, path in (("broker-key", plant.broker.key_file), ("broker-login", plant.broker.username_file)):
        if path is not None:
            yield files.secret(name, path, owner=sends, missing=_PUT.format(user=IT_USER))
    yield from _device_files(plant, asks, IT_USER if single else OT_USER)
    yield from (files.port(Path(port)) for port in serial_ports(plant))


def _device_files(plant: Plant, asks: files.Owner | None, user: str) -> Iterable[Finding]:
    """What assets log in with. Several may share a file, which is looked at once."""
    logins = dict.fromkeys(asset.username_file for asset in plant.asset if asset.username_file)
    keys = dict.fromkeys(asset.user_key_file for asset in plant.asset if asset.user_key_file)
    certificates = dict.fromkeys(asset.user_certificate_file for asset in plant.asset if asset.user_certificate_file)
    for name, paths in (("device-login", logins), ("device-key", keys)):
        yield from (files.secret(name, path, owner=asks, missing=_PUT.format(user=user)) for path in paths)
    yield from (files.present("device-certificate", path) for path in certificates)


def _volume(plant: Plant) -> Finding:
    places = Places(plant)
    figures = os.statvfs(_nearest(plant.gateway.state_dir))
    still_needed = plant.spool.journal_max_bytes + plant.spool.outbox_max_bytes + machine.WAL_BYTES
    still_needed -= sum(map(_size, (places.journal, places.outbox)))
    return machine.volume(
        free_bytes=figures.f_bavail * figures.f_frsize,
        still_needed_bytes=max(still_needed, 0),
        read_only=bool(figures.f_flag & os.ST_RDONLY),
    )


def _systemd_version() -> str:
    """What systemd says of itself; empty where there is none."""
    try:
        done = subprocess.run(["systemctl", "--version"], capture_output=True, check=False, timeout=SYSTEMD_TIMEOUT_S)  # noqa: S607  # as a person calls it
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("ascii", "replace")


def _memory_limits(cgroups: Path) -> dict[str, str | None]:
    return {unit: _text(cgroups / "system.slice" / unit / "memory.max") for unit in UNITS}


def _uncompiled(package: str) -> int:
    """Count the modules of a package that would be compiled anew at every start."""
    found = importlib.util.find_spec(package)
    folders = found.submodule_search_locations if found and found.submodule_search_locations else ()
    sources = (source for folder in folders for source in Path(folder).rglob("*.py"))
    return sum(not Path(importlib.util.cache_from_source(str(source))).exists() for source in sources)


def _user(name: str) -> files.Owner | None:
    try:
        return files.Owner(name, pwd.getpwnam(name).pw_uid)
    except KeyError:
        return None


def _nearest(path: Path) -> Path:
    """Return the path, or the first of its parents that is there and may be looked at."""
    return next((place for place in (path, *path.parents) if os.access(place, os.F_OK)), Path("/"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
