"""What the spool does to directories and names, below any database.

Decides under which name a damaged file is kept, and
whether something of it is still to be saved. Never opens a database file that exists: closing any descriptor of it would
drop the locks that SQLite holds for this process (POSIX record locks belong to the process, not to the descriptor).
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from buffer.errors import SpoolDamagedError

Opened = TypeVar("Opened")

_SIDECARS = ("-journal", "-wal", "-shm")
_LONGEST_CAUSE = 500  # characters
_KEPT = 2  # damaged files: enough to find the cause, too few to fill a flash card


def make_directory(path: Path, mode: int) -> None:
    """Make a directory, durably and with exactly this mode; leave one that exists as its owner wants it."""
    if path.is_dir():
        return
    path.mkdir(parents=True)
    path.chmod(mode)
    sync_directory(path.parent)


def make_file(path: Path, mode: int) -> None:
    """Make an empty file with exactly this mode unless the name is taken."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode)
    except FileExistsError:
        return
    try:
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def sync_directory(path: Path) -> None:
    """Make names in a directory survive a power cut: a rename is durable only after this."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def identity_of(path: Path) -> tuple[int, int] | None:
    """Return what tells a regular file from another one under the same name, or None for a link, a pipe, a directory, ….

    Raises:
        OSError: There is nothing, or it may not be looked at.
    """
    status = path.lstat()
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def open_or_begin_anew(path: Path, opener: Callable[[], Opened], *, broken: str) -> Opened:
    """Open a file; if it is damaged, set it aside and begin a new one. A damaged file never stops the program.

    The opener's `begin` finds with `unsaved` what there is to save. A power cut at any moment leaves that to the next start.

    Args:
        path: The file.
        opener: Opens it.
        broken: How it broke while it was open, or empty. Such a file is not asked again: the check at opening does not look into
            the indexes, and one that let it pass would break again at the same place.
    """
    if broken and os.path.lexists(path):  # one that was taken away leaves nothing to save
        _make_way(path, broken)
    try:
        opened = opener()
    except SpoolDamagedError as damage:
        _make_way(path, str(damage))
        opened = opener()
    mark_saved(path)
    return opened


def _make_way(path: Path, cause: str) -> None:
    mark_unsaved(path, cause)
    set_aside(path)


def set_aside(path: Path) -> Path:
    """Rename a damaged file, and what belongs to it, out of the way; return the new name.

    The newest two stay; older ones are deleted. SQLite throws a left-over rollback journal or WAL away when it finds an
    empty database beside it, so a power cut between these renames cannot let an old one act on the new file.
    """
    numbers = sorted(_numbers_aside(path))
    aside = path.with_name(f"{path.name}.damaged-{numbers[-1] + 1 if numbers else 1}")
    path.rename(aside)
    for suffix in _SIDECARS:
        sidecar = path.with_name(path.name + suffix)
        if os.path.lexists(sidecar):
            sidecar.rename(aside.with_name(aside.name + suffix))
    for number in numbers[: 1 - _KEPT]:
        _forget(path.with_name(f"{path.name}.damaged-{number}"))
    sync_directory(path.parent)
    return aside


def mark_unsaved(path: Path, cause: str) -> None:
    """Note, durably, that a file is about to be set aside and that what can be read of it is still to be saved."""
    marker = _marker(path)
    marker.unlink(missing_ok=True)
    make_file(marker, 0o600)
    marker.write_text(cause[:_LONGEST_CAUSE], "utf-8", "replace")
    sync_directory(path.parent)


def unsaved(path: Path) -> tuple[Path, str] | None:
    """Return the file from which there is something to save, and why it was set aside; None if there is none."""
    try:
        cause = _marker(path).read_text("utf-8", "replace")[:_LONGEST_CAUSE]
    except FileNotFoundError:
        return None
    numbers = _numbers_aside(path)
    return (path.with_name(f"{path.name}.damaged-{max(numbers)}"), cause) if numbers else None


def mark_saved(path: Path) -> None:
    """Note that there is nothing left to save. Without a sync: to save it twice costs time and loses nothing."""
    _marker(path).unlink(missing_ok=True)


def replace_line(path: Path, line: str, mode: int, *, durable: bool = True) -> None:
    """Put one line in the place of a small file, so that a reader sees the old one or the new one.

    Args:
        path: Its directory exists.
        line: The whole content, ASCII.
        mode: Of the file.
        durable: Whether a power cut, too, has to leave the one or the other, and the new one once this returns.

    Raises:
        OSError: It could not be written; the old one stands.
    """
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)  # left over from a power cut; or a link that somebody planted
    descriptor = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        os.fchmod(file.fileno(), mode)
        file.write(line)
        file.flush()
        if durable:
            os.fsync(file.fileno())
    new.rename(path)
    if durable:
        sync_directory(path.parent)


def read_line(path: Path, max_bytes: int) -> str:
    """Return what a small file says, which may belong to another user; nothing if it cannot be read or is too long.

    Never waits and never follows a link, whatever was put in the place of the file.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        line = os.read(descriptor, max_bytes + 1)
    except OSError:
        return ""
    finally:
        os.close(descriptor)
    return line.decode("ascii", "replace") if len(line) <= max_bytes else ""


def free_bytes(path: Path) -> int:
    """Return how many bytes this user may still write to the volume of a file.

    Raises:
        OSError: It cannot be found out.
    """
    volume = os.statvfs(path.parent)
    return volume.f_bavail * volume.f_frsize


def _marker(path: Path) -> Path:
    return path.with_name(path.name + ".unsaved")


def _numbers_aside(path: Path) -> list[int]:
    start = f"{path.name}.damaged-"
    tails = [other.name.removeprefix(start) for other in path.parent.iterdir() if other.name.startswith(start)]
    return [int(tail) for tail in tails if tail.isdecimal() and tail.isascii() and len(tail) < 10]


def _forget(aside: Path) -> None:
    for suffix in ("", *_SIDECARS):
        name = aside.with_name(aside.name + suffix)
        if not name.is_dir():  # a directory in a file's place is somebody else's: never delete a tree
            name.unlink(missing_ok=True)
