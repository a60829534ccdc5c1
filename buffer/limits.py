"""How much the spool takes, of one record and altogether, and what gives way when there is no room for it. Pure.

Decides what a column may hold, so that the writer refuses what the reader would not believe; and what goes first of files that were
set aside, so that none of them keeps a role from its work. Never touches a file.
Bounds are in bytes of UTF-8; times are RFC 3339 in UTC, with a `Z`.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from enum import Enum

PAGE_BYTES = 1024  # small: every page that a transaction touches is written twice, and 4096 costs 1.8 times as much flash

MAX_NAME_BYTES = 64  # of a kind, an epoch, a note's name
MAX_SUBJECT_BYTES = 256
MAX_BODY_BYTES = 256 * 1024  # one asset with hundreds of children, with room
MAX_SEQ = 2**53 - 1  # the largest integer that every JSON reader keeps exact
MIN_FILE_BYTES = 64 * 1024  # an empty file with room for the pages that a delete needs
KEPT_ASIDE = 2  # damaged files: enough to find the cause, too few to fill a flash card
SMALL_FILES_BYTES = 16 * 1024  # one-line files and markers beside a database, with the copy that takes their place

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


def succeeding_bytes(wreck_bytes: int, file_bytes: int, free_bytes: int, log_bytes: int) -> int:
    """Return how large a file counts as that takes the place of a damaged one.

    As large as that one was, whatever the floor says: the damaged one goes afterwards, and its states, records or envelopes must not be
    lost for the sake of a floor. But the volume has to hold it really, with the log that its transactions need.

    Args:
        wreck_bytes: Size of the damaged file; 0 if there is none.
        file_bytes: Its own size now.
        free_bytes: What is free on the volume.
        log_bytes: What its transactions need beside it.

    >>> succeeding_bytes(900, 100, 5000, 200), succeeding_bytes(900, 100, 500, 200), succeeding_bytes(0, 100, 500, 200)
    (900, 400, 100)
    """
    return max(file_bytes, min(wreck_bytes, file_bytes + free_bytes - log_bytes))


class Remedy(Enum):
    """What gives way when a file cannot be begun, or opened, for want of room."""

    FORGET_COPY = "the oldest file that was set aside goes"
    SAVE_LESS = "only half as much of the damaged file is carried over"
    GIVE_UP = "the damaged file itself goes"
    WAIT = "there is nothing that could go"


def remedy(*, copies: int, wreck_bytes: int, saving_bytes: int) -> Remedy:
    """Decide what gives way next, so that in the end the role works.

    Args:
        copies: How many files that were set aside wait for nothing but a person.
        wreck_bytes: Size of the damaged file that is being saved; 0 if there is none.
        saving_bytes: How much of it is to be carried over before the new file is used.

    >>> remedy(copies=1, wreck_bytes=9, saving_bytes=9), remedy(copies=0, wreck_bytes=9, saving_bytes=9)
    (<Remedy.FORGET_COPY: 'the oldest file that was set aside goes'>, <Remedy.SAVE_LESS: 'only half as much of the damaged file is carried over'>)
    """
    if copies:
        return Remedy.FORGET_COPY
    if not wreck_bytes:
        return Remedy.WAIT
    return Remedy.SAVE_LESS if saving_bytes else Remedy.GIVE_UP


def less(saving_bytes: int) -> int:
    """Return how much of a damaged file to carry over after so much of it did not fit: half, and at last nothing.

    >>> less(1_000_000), less(MIN_FILE_BYTES - 1)
    (500000, 0)
    """
    return saving_bytes // 2 if saving_bytes >= MIN_FILE_BYTES else 0


def to_forget(copies: Sequence[int], *, free_bytes: int, floor_bytes: int) -> int:
    """Return how many of the files that were set aside go, oldest first, so that the floor of the volume stays free.

    Args:
        copies: Their sizes, the oldest first.
        free_bytes: What is free on the volume.
        floor_bytes: What has to stay free.

    >>> to_forget([10, 10], free_bytes=95, floor_bytes=100), to_forget([10, 10], free_bytes=200, floor_bytes=100)
    (1, 0)
    """
    count = 0
    while count < len(copies) and free_bytes < floor_bytes:
        free_bytes += copies[count]
        count += 1
    return count


def newest_within(sizes: Sequence[int], room_bytes: int) -> int:
    """Return how many of the newest fit.

    >>> newest_within([50, 30, 20], 50), newest_within([10], 5)
    (2, 0)
    """
    count = 0
    while count < len(sizes) and sizes[-1 - count] <= room_bytes:
        room_bytes -= sizes[-1 - count]
        count += 1
    return count


def most_bytes(cap_bytes: int) -> int:
    """Return what a database may take in its directory at most, in the worst moment.

    The file, and beside it what its transactions need, which is never more than the file again and 1 MiB; and as much for each damaged
    file that is kept.

    Args:
        cap_bytes: Its own cap, to which an update may add 64 pages.

    >>> most_bytes(64 * 1024 * 1024) // 1024 // 1024
    387
    """
    with_its_log = 2 * (cap_bytes + 64 * PAGE_BYTES) + 1024 * 1024
    return (1 + KEPT_ASIDE) * with_its_log + SMALL_FILES_BYTES


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
