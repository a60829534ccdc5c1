"""One row of the journal, as a value: what is written, what is read back, and how a row proves itself. Pure.

Decides whether a row is believed. Never touches a file, never looks into a body, and never raises for what a file holds:
a row that cannot be believed is `Damaged`, with its sequence number, so that a reader can step over it.
SQLite's own check is blind to a flipped bit inside a value (measured), so every row carries a checksum over all its columns.
"""

from dataclasses import dataclass
from zlib import crc32

from buffer.limits import flaw

Row = tuple[object, ...]  # as SQLite returns it: any column may have any type


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A record to be.

    Attributes:
        kind: What the body is, 1 to 64 bytes.
        subject: Opaque key of what it is about, 1 to 256 bytes.
        at: When, RFC 3339 in UTC.
        body: At most `limits.MAX_BODY_BYTES`.
    """

    kind: str
    subject: str
    at: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record as written: a `Draft` with its place.

    Attributes:
        seq: Gap-free when written, from 1; never used twice in the life of a journal.
    """

    kind: str
    subject: str
    at: str
    body: bytes
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The newest state of a subject: overwritten, never appended. Same bounds as a `Draft`."""

    kind: str
    subject: str
    at: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """A place in the journal whose record cannot be believed.

    Attributes:
        seq: Its place; whatever reads on continues after it.
        reason: One sentence for a person. Quotes nothing from the row.
    """

    seq: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """The end of an answer that was bounded: there is more, and it was not looked at.

    Attributes:
        reason: One sentence for a person. Quotes nothing from the file.
    """

    reason: str


def check(item: Draft | State) -> None:
    """Refuse what a reader would not believe later.

    Raises:
        ValueError: A column breaks its bound.
    """
    reason = flaw(kind=item.kind, subject=item.subject, at=item.at, body=item.body)
    if reason is not None:
        raise ValueError(reason)


def checksum(*columns: int | str | bytes) -> int:
    """Return the CRC-32 of a row: each column's length, a colon, and its UTF-8 bytes (numbers in decimal).

    >>> checksum("ab", "c") == checksum("a", "bc")
    False
    """
    crc = 0
    for column in columns:
        data = column if isinstance(column, bytes) else str(column).encode()
        crc = crc32(data, crc32(b"%d:" % len(data), crc))
    return crc


def record_from(seq: int, row: Row) -> Record | Damaged:
    """Return the record in a row of kind, subject, at, body and checksum, or why it cannot be believed."""
    kind, subject, at, body, crc = row
    if not (isinstance(kind, str) and isinstance(subject, str) and isinstance(at, str) and isinstance(body, bytes)):
        return Damaged(seq=seq, reason="a column has the wrong type")
    reason = flaw(kind=kind, subject=subject, at=at, body=body)
    if reason is None and crc != checksum(seq, kind, subject, at, body):
        reason = "the checksum does not match"
    if reason is not None:
        return Damaged(seq=seq, reason=reason)
    return Record(seq=seq, kind=kind, subject=subject, at=at, body=body)


def state_from(row: Row) -> State | None:
    """Return the state in a row of kind, subject, at, body and checksum, or None if it cannot be believed."""
    match record_from(0, row):
        case Record(kind=kind, subject=subject, at=at, body=body):
            return State(kind=kind, subject=subject, at=at, body=body)
        case Damaged():
            return None
