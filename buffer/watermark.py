"""The watermark: how far the journal has been folded. Publish writes this small file, collect reads it and trims.

Decides whether a file is a watermark. A missing, stale or unreadable one only delays trimming, so reading never raises for
what it finds. One that is ahead of its journal tells that the journal went back in time (`buffer.journal`). It names the journal it speaks of: after a new journal has begun, an old watermark trims nothing.
One line: journal id, sequence, CRC-32 of both.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from buffer.files import read_line, replace_line
from buffer.limits import MAX_SEQ
from buffer.record import checksum

_LINE = re.compile(r"([0-9a-f]{32}) (0|[1-9][0-9]{0,15}) ([0-9a-f]{8})\n")
_MAX_BYTES = 64  # 32 + 16 + 8 digits, two spaces and the end of the line come to 59
_MODE = 0o640  # collect is another user of the same group


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """The highest sequence of one journal that needs no keeping.

    Attributes:
        journal_id: `Journal.id` of the journal meant.
        seq: 0 to `limits.MAX_SEQ`.
    """

    journal_id: str
    seq: int


def write_watermark(path: Path, journal_id: str, seq: int) -> None:
    """Put a watermark in the place of the old one, so that a reader and a power cut see the one or the other.

    Args:
        path: Its directory exists.
        journal_id: 32 hexadecimal digits.
        seq: 0 to `limits.MAX_SEQ`.

    Raises:
        ValueError: Not a watermark.
        OSError: It could not be written; the old one stands.
    """
    line = f"{journal_id} {seq} {checksum(journal_id, seq):08x}\n"
    if _parse(line) is None:
        raise ValueError(f"not a watermark: journal {journal_id!r}, sequence {seq}")
    replace_line(path, line, _MODE)


def read_watermark(path: Path) -> Watermark | None:
    """Return the watermark, or None if there is none to believe. The file belongs to another user."""
    return _parse(read_line(path, _MAX_BYTES))


def _parse(line: str) -> Watermark | None:
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    journal_id, seq = match[1], int(match[2])
    if seq > MAX_SEQ or int(match[3], 16) != checksum(journal_id, seq):
        return None
    return Watermark(journal_id=journal_id, seq=seq)
