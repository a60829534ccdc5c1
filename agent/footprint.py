"""What this process takes of the machine: memory, and flash that wears out.

Decides nothing. Reads two files that the kernel keeps for every process; collect pays for no library to do it.
Source: proc(5), `/proc/self/io` and `/proc/self/statm`.
"""

import os
import re
from pathlib import Path

_OWN = Path("/proc/self")


def written_bytes(own: Path = _OWN) -> int:
    """Return how many bytes this process has caused to be written to disks; 0 where the kernel does not count them."""
    found = re.search(r"^write_bytes: (\d+)$", _text(own / "io"), re.MULTILINE)
    return int(found[1]) if found else 0


def rss_bytes(own: Path = _OWN) -> int:
    """Return how much memory this process has; 0 where that cannot be read."""
    fields = _text(own / "statm").split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") if len(fields) > 1 else 0


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""
