"""What the volume of a file says where SQLite, or the kernel, only says that something failed.

Decides whether it is to blame: read-only, or full. Never writes, and never opens the file.

SQLite calls it an I/O error where a full volume refuses it the index of a write-ahead log, and opens a file of a read-only volume for
reading without a word.
"""

import errno
import os
from pathlib import Path

_SENTENCES = {errno.EROFS: "its volume is mounted read-only", errno.ENOSPC: "its volume is full"}


def refused(path: Path) -> OSError:
    """Return why this user may not write a file: the volume, or its owner and mode."""
    if _blame(path) == errno.EROFS:
        return OSError(errno.EROFS, _SENTENCES[errno.EROFS], str(path))
    return PermissionError(errno.EACCES, "this user may not write it", str(path))


def failed(path: Path, code: int, reason: str) -> OSError:
    """Return what an error of a file is, by its volume if that is to blame, and else by the code that SQLite's stands for."""
    blame = _blame(path)
    return OSError(blame, f"{reason}: {_SENTENCES[blame]}", str(path)) if blame else OSError(code, reason, str(path))


def _blame(path: Path) -> int | None:
    try:
        volume = os.statvfs(path.parent)
    except OSError:
        return None
    if volume.f_flag & os.ST_RDONLY:
        return errno.EROFS
    return errno.ENOSPC if volume.f_bavail == 0 else None
