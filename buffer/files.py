"""What the spool does to directories, names and small files, below any database.

Decides nothing about a database. Never opens one that exists: closing any descriptor of it would drop the locks that SQLite holds for
this process (POSIX record locks belong to the process, not to the descriptor).
"""

import os
import stat
from pathlib import Path


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
