"""How much the spool takes, of one record and altogether. Pure.

Decides what a column may hold, so that the writer refuses what the reader would not believe. Never touches a file.
Bounds are in bytes of UTF-8; times are RFC 3339 in UTC, with a `Z`.
"""

import re
from datetime import datetime

PAGE_BYTES = 1024  # small: every page that a transaction touches is written twice, and 4096 costs 1.8 times as much flash

MAX_NAME_BYTES = 64  # of a kind, an epoch, a note's name
MAX_SUBJECT_BYTES = 256
MAX_BODY_BYTES = 256 * 1024  # one asset with hundreds of children, with room
MAX_SEQ = 2**53 - 1  # the largest integer that every JSON reader keeps exact
MIN_FILE_BYTES = 64 * 1024  # an empty file with room for the pages that a delete needs

_RFC_3339_UTC = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z")


def pages_within(max_bytes: int) -> int:
    """Return how many pages a file of at most `max_bytes` may have.

    Args:
        max_bytes: Cap of the database file, bytes, at least `MIN_FILE_BYTES`. A rollback journal or WAL comes on top.

    Raises:
        ValueError: The cap is too small to work with.

    >>> pages_within(1_000_000)
    976
    """
    if max_bytes < MIN_FILE_BYTES:
        raise ValueError(f"a file of the spool needs at least {MIN_FILE_BYTES} bytes, not {max_bytes}")
    return max_bytes // PAGE_BYTES


def allowed_bytes(cap_bytes: int, file_bytes: int, free_bytes: int, floor_bytes: int) -> int:
    """Return how large a file may become so that neither its own cap nor the floor of its volume is touched.

    A file on a volume that others have filled keeps its size and goes on with the pages that it has.

    Args:
        cap_bytes: Its own cap, at least `MIN_FILE_BYTES`.
        file_bytes: Its size now.
        free_bytes: What is free on the volume.
        floor_bytes: What has to stay free.

    >>> allowed_bytes(1_000_000, 200_000, 500_000, 400_000)
    300000
    >>> allowed_bytes(1_000_000, 200_000, 100_000, 400_000)
    200000
    """
    room = max(0, free_bytes - floor_bytes)
    return max(MIN_FILE_BYTES, min(cap_bytes, file_bytes + room))


def flaw(*, kind: str, subject: str, at: str, body: bytes) -> str | None:
    """Return what keeps these columns out of the spool, or None.

    >>> flaw(kind="asset/1", subject="press-07", at="2026-11-03T08:00:00Z", body=b"{}")
    >>> flaw(kind="asset/1", subject="press-07", at="yesterday", body=b"{}")
    'at is not a time of RFC 3339 in UTC'
    """
    if not is_name(kind, MAX_NAME_BYTES):
        return "kind is empty, too long or not printable"
    if not is_name(subject, MAX_SUBJECT_BYTES):
        return "subject is empty, too long or not printable"
    if not _is_utc(at):
        return "at is not a time of RFC 3339 in UTC"
    if len(body) > MAX_BODY_BYTES:
        return "the body is too long"
    return None


def is_name(text: str, max_bytes: int) -> bool:
    """Return whether a text can be a key: something, printable, and short.

    >>> is_name("press-07", 8), is_name("", 8), is_name("press-08", 7), is_name("Süd", 3), is_name(chr(10), 8)
    (True, False, False, False, False)
    """
    # Printable text has no lone surrogates, so it can always be encoded.
    return bool(text) and len(text) <= max_bytes and text.isprintable() and len(text.encode()) <= max_bytes


def _is_utc(at: str) -> bool:
    if len(at) > 40 or _RFC_3339_UTC.fullmatch(at) is None:
        return False
    try:
        datetime.fromisoformat(at)
    except ValueError:
        return False
    return True
