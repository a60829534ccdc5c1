"""Files whose owner and mode decide what works and what is safe: the report key, the broker's secrets, folders, serial ports.

Decides from an owner and a mode. Never opens a secret: what it says is in nobody's output.
"""

import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agent.doctor.finding import Finding, State


@dataclass(frozen=True, slots=True)
class Seen:
    """A file or folder as it lies there.

    Attributes:
        mode: Type and permission bits, as in `st_mode`.
        owner: Its owner's number.
    """

    mode: int
    owner: int


@dataclass(frozen=True, slots=True)
class Owner:
    """A user of this machine.

    Attributes:
        name: As people write it.
        number: As files have it.
    """

    name: str
    number: int


Look = Callable[[Path], Seen]
"""Raises `OSError` where there is nothing, or nothing for us to see."""


def look_at(path: Path) -> Seen:
    """Look at a path, through links.

    Raises:
        OSError: There is nothing, or it may not be looked at.
    """
    found = path.stat()
    return Seen(found.st_mode, found.st_uid)


def secret(name: str, path: Path, *, owner: Owner | None, look: Look = look_at, missing: str) -> Finding:
    """Say whether a secret is there, and its user's alone.

    Args:
        name: Of the finding.
        path: Where the secret lies.
        owner: The user who needs it; None where this machine has no such user.
        look: How it is looked at.
        missing: What to do if it is not there.
    """
    try:
        seen = look(path)
    except OSError as error:
        return _unseen(name, path, error, missing)
    if not stat.S_ISREG(seen.mode):
        return Finding(name, State.BAD, f"{path} is not a file", missing)
    if seen.mode & 0o077:
        remedy = f"Run `chmod 600 {path}`, and replace what it holds if others may have read it."
        return Finding(name, State.BAD, f"{path} has mode {_octal(seen.mode)}: others than its owner have rights to it", remedy)
    return _owned(name, path, seen, owner)


def sealed(name: str, path: Path, *, unit: str, look: Look = look_at) -> Finding:
    """Say whether a credential is there that systemd opens for a unit. Arguments as for `secret`; `unit` is who is handed it."""
    missing = (
        f"Seal it with `systemd-creds encrypt` there, or take its line out of {unit}'s drop-in; docs/operations.md. "
        f"Then `systemctl restart {unit}`: without the file systemd ends it with 243/CREDENTIALS, and does not try again."
    )
    try:
        look(path)
    except OSError as error:
        return _unseen(name, path, error, missing)
    return Finding(name, State.OK, f"{path}, opened by systemd for {unit} alone")


def folder(name: str, path: Path, *, owner: Owner | None, look: Look = look_at, missing: str) -> Finding:
    """Say whether a folder of the state directory is there, its role's, and closed to strangers. Arguments as for `secret`."""
    try:
        seen = look(path)
    except OSError as error:
        return _unseen(name, path, error, missing)
    if not stat.S_ISDIR(seen.mode):
        return Finding(name, State.BAD, f"{path} is not a folder", "Move it away, then restart nameplated.target.")
    if seen.mode & 0o027:
        return Finding(name, State.WARN, f"{path} has mode {_octal(seen.mode)}", f"Run `chmod 750 {path}`.")
    return _owned(name, path, seen, owner)


def present(name: str, path: Path, *, look: Look = look_at) -> Finding:
    """Say whether a file that is no secret is there. Arguments as for `secret`."""
    missing = "Put it there, or correct the plant file."
    try:
        seen = look(path)
    except OSError as error:
        return _unseen(name, path, error, missing)
    if not stat.S_ISREG(seen.mode):
        return Finding(name, State.BAD, f"{path} is not a file", missing)
    return Finding(name, State.OK, f"{path} is there")


def port(path: Path, *, look: Look = look_at) -> Finding:
    """Say whether a serial port is there."""
    missing = "Plug the adapter in; if it has another name now, /dev/serial/by-id/ has one that stays."
    try:
        seen = look(path)
    except OSError as error:
        return _unseen("serial-port", path, error, missing)
    if not stat.S_ISCHR(seen.mode):
        return Finding("serial-port", State.BAD, f"{path} is not a serial port", missing)
    return Finding("serial-port", State.OK, f"{path} is there")


def _owned(name: str, path: Path, seen: Seen, owner: Owner | None) -> Finding:
    if owner is not None and seen.owner != owner.number:
        remedy = f"Run `chown {owner.name} {path}`: the unit cannot use it otherwise."
        return Finding(name, State.BAD, f"{path} belongs to user {seen.owner}", remedy)
    return Finding(name, State.OK, f"{path}, mode {_octal(seen.mode)}")


def _unseen(name: str, path: Path, error: OSError, missing: str) -> Finding:
    if isinstance(error, PermissionError):
        return Finding(name, State.UNKNOWN, f"{path}: not for this user to see", "Run `sudo nameplated doctor`.")
    return Finding(name, State.BAD, f"{path}: {error.strerror}", missing)


def _octal(mode: int) -> str:
    return f"{stat.S_IMODE(mode):04o}"
