"""What collect holds in memory because the journal cannot be written: the one thing that the journal itself cannot tell.

collect writes this small file beside the journal while something waits, and takes it away when nothing does; publish reads it for
its report of health. Decides whether a file says that. A missing or unreadable one means that nothing is known to wait. Not synced:
after a power cut there is no memory to speak of.

One line: records held, records given up, seconds for which nothing could be written, CRC-32 of all three.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from buffer.files import read_line, replace_line
from buffer.record import checksum

_LINE = re.compile(r"(0|[1-9][0-9]{0,9}) (0|[1-9][0-9]{0,9}) (0|[1-9][0-9]{0,9}) ([0-9a-f]{8})\n")
_MAX_BYTES = 64  # three times 10 digits, 8 for the checksum, and what is between them come to 42
_MOST = 9_999_999_999
_MODE = 0o640  # publish is another user of the same group


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits in memory, and what was given up there. The numbers end at 10 digits.

    Attributes:
        held: Records that wait.
        given_up: Records that no longer fitted. The next transaction of the journal confesses them.
        stuck_s: For how long nothing could be written.
    """

    held: int
    given_up: int
    stuck_s: int


def backlog_file(journal: Path) -> Path:
    """Return where a journal's writer tells what it holds: beside it."""
    return journal.with_name(journal.name + ".backlog")


def write_backlog(path: Path, backlog: Backlog | None) -> None:
    """Say what waits; None: nothing does.

    Raises:
        OSError: It cannot be said. What was said last stands.
    """
    if backlog is None:
        path.unlink(missing_ok=True)
        return
    numbers = tuple(min(number, _MOST) for number in (backlog.held, backlog.given_up, backlog.stuck_s))
    line = " ".join(map(str, numbers))
    replace_line(path, f"{line} {checksum(*numbers):08x}\n", _MODE, durable=False)


def read_backlog(path: Path) -> Backlog | None:
    """Return what collect holds in memory, or None if nothing is known to wait. The file belongs to another user."""
    match = _LINE.fullmatch(read_line(path, _MAX_BYTES))
    if match is None:
        return None
    held, given_up, stuck_s = (int(match[number]) for number in (1, 2, 3))
    if int(match[4], 16) != checksum(held, given_up, stuck_s):
        return None
    return Backlog(held=held, given_up=given_up, stuck_s=stuck_s)
