"""What becomes of a damaged file: under which name it is kept, for how long, and how a new one takes its place.

Decides, with `buffer.limits`, what of it gives way where there is no room: a damaged file never stops the program, and neither does
one that is kept for a person. Never opens a database file that exists, for the reason that `buffer.files` has.

    damaged ──marker, rename──► set aside ──begin──► new file, with what could be saved ──► marker gone
                                    └── no room: older ones go, less is saved, at last the file itself

A power cut at any moment leaves that to the next start.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from buffer.errors import SpoolDamagedError, SpoolFullError
from buffer.files import free_bytes, make_file, sync_directory
from buffer.limits import KEPT_ASIDE, Remedy, allowed_bytes, less, pages_within, remedy, succeeding_bytes, to_forget

Opened = TypeVar("Opened")

_SIDECARS = ("-journal", "-wal", "-shm")
_LONGEST_CAUSE = 500  # characters


def open_or_begin_anew(
    path: Path, opener: Callable[[int], Opened], *, saving_bytes: int, floor_bytes: int, broken: str
) -> Opened:
    """Open a file; if it is damaged, set it aside and begin a new one. A damaged file never stops the program.

    The opener's `begin` finds with `unsaved` what there is to save.

    Args:
        path: The file.
        opener: Opens it, told how much of a damaged one to carry over at once.
        saving_bytes: How much that is if there is room.
        floor_bytes: What has to stay free on the volume: files that were set aside earlier go for it.
        broken: How it broke while it was open, or empty. Such a file is not asked again: the check at opening does not look into
            the indexes, and one that let it pass would break again at the same place.

    Raises:
        SpoolFullError: There is no room, and nothing was kept that could make some.
    """
    if broken and os.path.lexists(path):  # one that was taken away leaves nothing to save
        _make_way(path, broken, floor_bytes)
    try:
        opened = _opened(path, opener, saving_bytes)
    except SpoolDamagedError as damage:
        _make_way(path, str(damage), floor_bytes)
        opened = _opened(path, opener, saving_bytes)
    mark_saved(path)
    return opened


def room_for(path: Path, wreck: Path | None, *, max_bytes: int, floor_bytes: int, log_bytes: int) -> int:
    """Return how large a file may be, as `limits.allowed_bytes` and `limits.succeeding_bytes` have it.

    Args:
        path: The file.
        wreck: The damaged one whose place it takes, while something of that is to be saved.
        max_bytes: Its cap.
        floor_bytes: What has to stay free on the volume.
        log_bytes: What its transactions need beside it.

    Raises:
        OSError: The volume cannot be asked.
        ValueError: `max_bytes` is too small.
    """
    pages_within(max_bytes)
    if not path.parent.is_dir():
        return max_bytes
    free, size = free_bytes(path), size_of(path)
    alone = allowed_bytes(max_bytes, size, free, max(floor_bytes, log_bytes) if wreck else floor_bytes)
    return max(alone, min(max_bytes, succeeding_bytes(size_of(wreck), size, free, log_bytes))) if wreck else alone


def set_aside(path: Path) -> Path:
    """Rename a damaged file, and what belongs to it, out of the way; return the new name.

    The newest two stay; older ones are deleted. SQLite throws a left-over rollback journal or WAL away when it finds an
    empty database beside it, so a power cut between these renames cannot let an old one act on the new file.
    """
    numbers = _numbers_aside(path)
    aside = _name_aside(path, numbers[-1] + 1 if numbers else 1)
    path.rename(aside)
    for suffix in _SIDECARS:
        sidecar = _beside(path, suffix)
        if os.path.lexists(sidecar):
            sidecar.rename(_beside(aside, suffix))
    for number in numbers[: 1 - KEPT_ASIDE]:
        _forget(_name_aside(path, number))
    sync_directory(path.parent)
    return aside


def forget_copies(path: Path, *, floor_bytes: int, spare: str = "") -> int:
    """Delete files that were set aside, oldest first, until the floor of the volume is free; return how many went.

    Args:
        path: The file in whose place they were.
        floor_bytes: What has to stay free.
        spare: Name of one that is still to be saved.

    Raises:
        OSError: The volume cannot be asked.
    """
    copies = _copies(path, spare)
    count = to_forget([_size_with_sidecars(copy) for copy in copies], free_bytes=free_bytes(path), floor_bytes=floor_bytes)
    for copy in copies[:count]:
        _forget(copy)
    return count


def forget_oldest(path: Path, *, spare: str = "") -> bool:
    """Delete the oldest of the files that were set aside; return whether there was one. Arguments as for `forget_copies`."""
    copies = _copies(path, spare)
    if copies:
        _forget(copies[0])
    return bool(copies)


def give_up(aside: Path) -> None:
    """Let go of what a file that was set aside still holds. Its name stays: it says what happened."""
    for suffix in _SIDECARS:
        _beside(aside, suffix).unlink(missing_ok=True)
    with suppress(OSError):  # gone already, or no file at all
        os.truncate(aside, 0)


def mark_unsaved(path: Path, cause: str) -> None:
    """Note, durably, that a file is about to be set aside and that what can be read of it is still to be saved."""
    marker = _marker(path)
    marker.unlink(missing_ok=True)
    make_file(marker, 0o600)
    with suppress(OSError):  # not a block is free: then nobody will know the cause, but what there is will be saved
        marker.write_text(cause[:_LONGEST_CAUSE], "utf-8", "replace")
    sync_directory(path.parent)


def unsaved(path: Path) -> tuple[Path, str] | None:
    """Return the file from which there is something to save, and why it was set aside; None if there is none."""
    try:
        cause = _marker(path).read_text("utf-8", "replace")[:_LONGEST_CAUSE]
    except FileNotFoundError:
        return None
    numbers = _numbers_aside(path)
    return (_name_aside(path, numbers[-1]), cause) if numbers else None


def mark_saved(path: Path) -> None:
    """Note that there is nothing left to save. Without a sync: to save it twice costs time and loses nothing."""
    _marker(path).unlink(missing_ok=True)


def _opened(path: Path, opener: Callable[[int], Opened], saving_bytes: int) -> Opened:
    """Open or begin a file, and let give way what has to."""
    while True:
        try:
            return opener(saving_bytes)
        except SpoolFullError:
            found = unsaved(path)
            wreck = found[0] if found else None
            copies = len(_copies(path, wreck.name if wreck else ""))
            wreck_bytes = size_of(wreck) if wreck else 0
            saving_bytes = min(saving_bytes, wreck_bytes)
            match remedy(copies=copies, wreck_bytes=wreck_bytes, saving_bytes=saving_bytes):
                case Remedy.FORGET_COPY:
                    forget_oldest(path, spare=wreck.name if wreck else "")
                case Remedy.SAVE_LESS:
                    saving_bytes = less(saving_bytes)
                case Remedy.GIVE_UP if wreck:
                    give_up(wreck)
                case _:
                    raise


def _make_way(path: Path, cause: str, floor_bytes: int) -> None:
    forget_copies(path, floor_bytes=floor_bytes)
    mark_unsaved(path, cause)
    set_aside(path)


def _copies(path: Path, spare: str) -> list[Path]:
    """Return the files that were set aside, oldest first."""
    names = (_name_aside(path, number) for number in _numbers_aside(path))
    return [name for name in names if name.name != spare and not name.is_dir()]


def _marker(path: Path) -> Path:
    return _beside(path, ".unsaved")


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _name_aside(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.damaged-{number}")


def _numbers_aside(path: Path) -> list[int]:
    start = f"{path.name}.damaged-"
    tails = [other.name.removeprefix(start) for other in path.parent.iterdir() if other.name.startswith(start)]
    return sorted(int(tail) for tail in tails if tail.isdecimal() and tail.isascii() and len(tail) < 10)


def size_of(path: Path) -> int:
    """Return the size of a file; 0 if there is none."""
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def _size_with_sidecars(aside: Path) -> int:
    return sum(size_of(_beside(aside, suffix)) for suffix in ("", *_SIDECARS))


def _forget(aside: Path) -> None:
    for suffix in ("", *_SIDECARS):
        name = _beside(aside, suffix)
        if not name.is_dir():  # a directory in a file's place is somebody else's: never delete a tree
            name.unlink(missing_ok=True)
