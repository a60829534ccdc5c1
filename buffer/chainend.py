"""How far a chain of the outbox reached, beside the outbox: what is left to say if the whole file is lost, or goes back in time.

Publish alone writes it, after each transaction that made its chain longer and before anything of it is handed out. So it is never
ahead of an outbox that is sound: one that is behind it was lost in part, or is a copy from earlier, and its next number may have
been used. Decides whether a file says that. A missing or unreadable one says nothing, and nothing depends on it; it is never a
reason to continue a chain, only to name the one that ended.

One line: epoch, sequence, hash of the newest record, CRC-32 of all three.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from buffer.files import read_line, replace_line
from buffer.limits import MAX_SEQ
from buffer.record import checksum

_LINE = re.compile(r"([0-9a-f-]{1,64}) (0|[1-9][0-9]{0,15}) ([A-Za-z0-9_-]{1,86}) ([0-9a-f]{8})\n")
_MAX_BYTES = 192  # 64 + 16 + 86 + 8 signs, three spaces and the end of the line come to 178
_MODE = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainEnd:
    """The newest record of a chain that was ever made durable, as far as is known.

    Attributes:
        epoch: Which chain, 1 to 64 hexadecimal digits and hyphens.
        seq: Its number, 0 to `limits.MAX_SEQ`.
        head: Its hash as text: base64url, at most 86 signs.
    """

    epoch: str
    seq: int
    head: str


def chain_end_file(outbox: Path) -> Path:
    """Return where the end of an outbox's chain is written: beside it."""
    return outbox.with_name(outbox.name + ".end")


def write_chain_end(path: Path, end: ChainEnd) -> None:
    """Put an end in the place of the old one, so that a power cut leaves the one or the other.

    Raises:
        ValueError: It breaks a bound.
        OSError: It could not be written; the old one stands.
    """
    line = f"{end.epoch} {end.seq} {end.head} {checksum(end.epoch, end.seq, end.head):08x}\n"
    if _parse(line) is None:
        raise ValueError(f"not the end of a chain: {end!r}")
    replace_line(path, line, _MODE)


def read_chain_end(path: Path) -> ChainEnd | None:
    """Return the end, or None if there is none to believe."""
    return _parse(read_line(path, _MAX_BYTES))


def _parse(line: str) -> ChainEnd | None:
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    epoch, seq, head = match[1], int(match[2]), match[3]
    if seq > MAX_SEQ or int(match[4], 16) != checksum(epoch, seq, head):
        return None
    return ChainEnd(epoch=epoch, seq=seq, head=head)
