"""The outbox: signed envelopes that await a receipt, in order, and the few values that must change together with them.

Written and read by publish alone, over one connection: the file is locked for as long as it is open, so that this is a fact and
not a hope (SQLite up to 3.51.2 can corrupt a WAL that two connections checkpoint). Decides what is durable and what is believed;
never looks into an envelope, and has never heard of a broker.

Invariants:
- The fold is one transaction: after a kill at any statement the parcels and the notes are all there, or none of them is.
- A pair of epoch and sequence is stored once. A second envelope for it is refused: a chain never forks here.
- Positions increase and are never used twice, so a position that was read once means one parcel for ever.
- A parcel that cannot be believed is never handed out; it is named, and everything behind it still goes.

Settling loses nothing if a power cut undoes it: the same envelope is sent again, and its receiver knows it.
"""

from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from buffer.aside import forget_copies, forget_oldest, open_or_begin_anew, room_for, unsaved
from buffer.errors import SpoolDamagedError
from buffer.limits import MAX_NAME_BYTES, MAX_SEQ, PAGE_BYTES, flaw, is_name
from buffer.record import Row, checksum
from buffer.store import Layout, Store, Value, closed_on_error, open_file

MAX_NOTE_BYTES = 4096
DAMAGED = "damaged"  # the note that names a damaged outbox
MAX_DIGEST_BYTES = 64  # SHA-512
_room_for = partial(room_for, log_bytes=1_114_112)  # the WAL at rest, and a page or two for the next transaction

_LAYOUT = Layout(
    schema="outbox",
    directory_mode=0o700,
    file_mode=0o600,
    alone=True,
    settings=(
        "journal_mode = WAL",
        "wal_autocheckpoint = 800",  # pages: 0.8 MiB beside the file
        "journal_size_limit = 1048576",
    ),
)
_NOTHING: Mapping[str, bytes] = MappingProxyType({})

_INSERT = "INSERT INTO parcel (position, epoch, seq, kind, subject, at, token, digest, crc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_NOTE = (
    "INSERT INTO note (name, value, crc) VALUES (?, ?, ?) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value, crc = excluded.crc"
)
_DELETE = "DELETE FROM parcel WHERE position = ?"
_POSITIONS = "SELECT position FROM parcel "
_PARCELS = "SELECT position, epoch, seq, kind, subject, at, token, digest, crc FROM parcel "
PARCEL = "SELECT epoch, seq, kind, subject, at, token, digest, crc FROM parcel WHERE position = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """An envelope to be kept.

    Attributes:
        epoch: Which chain, 1 to 64 bytes.
        seq: Its number in the chain, 0 to `limits.MAX_SEQ`.
        kind: What it is, 1 to 64 bytes.
        subject: Opaque key of what it is about, 1 to 256 bytes.
        at: When, RFC 3339 in UTC.
        token: The exact bytes to send, at most `limits.MAX_BODY_BYTES`.
        digest: What the next envelope refers to, at most `MAX_DIGEST_BYTES`.
    """

    epoch: str
    seq: int
    kind: str
    subject: str
    at: str
    token: bytes
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A parcel that is kept: a `Parcel` with its `position`, the order of delivery over all epochs."""

    epoch: str
    seq: int
    kind: str
    subject: str
    at: str
    token: bytes
    digest: bytes
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DamagedParcel:
    """A place in the outbox whose parcel cannot be believed. `Outbox.settle_positions` removes it.

    Attributes:
        position: Its place.
        reason: One sentence for a person. Quotes nothing from the row.
    """

    position: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """How much is waiting.

    Attributes:
        count: Parcels.
        used_bytes: Bytes of the file in use: what `max_bytes` caps.
        oldest_at: Time of the parcel that has waited longest; None if nothing waits.
    """

    count: int
    used_bytes: int
    oldest_at: str | None


class Outbox:
    """The outbox as publish, its only user, has it.

    Attributes:
        max_bytes: Cap of the file.
    """

    def __init__(self, store: Store, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._store = store

    @property
    def path(self) -> Path:
        """The file."""
        return self._store.path

    @property
    def damaged(self) -> tuple[str, str] | None:
        """Name and cause of a damaged file in whose place this one was begun; None once the note `DAMAGED` was emptied.

        There may be something to save in it: `Wreck`.

        Raises:
            SpoolDamagedError: The notes cannot be believed; open the outbox again.
        """
        name, found, cause = self.notes().get(DAMAGED, b"").decode("utf-8", "replace").partition(" ")
        return (name, cause) if found else None

    @classmethod
    def open(cls, path: Path, *, max_bytes: int, floor_bytes: int = 0, broken: str = "") -> Self:
        """Open the outbox; make it if there is none, set it aside and begin anew if it is damaged.

        Args:
            path: The file. Its directory is made with mode 0700, the file with 0600.
            max_bytes: Cap of the file, at least `limits.MIN_FILE_BYTES`. A WAL of about 1 MiB comes on top.
            floor_bytes: What has to stay free on the volume.
            broken: How it broke while it was open: such a file is not trusted again. Empty for any other start.

        Raises:
            SpoolBusyError: Another process has it open.
            SpoolNewerError: A later version of this program wrote it.
            SpoolFullError: Not even an empty one has room.
            OSError: It cannot be made or opened.
            ValueError: `max_bytes` is too small.
        """

        def opener(_: int) -> Store:
            found = unsaved(path)
            return _open(path, _room_for(path, found[0] if found else None, max_bytes=max_bytes, floor_bytes=floor_bytes))

        # Nothing is carried over at once: what a damaged one holds is judged by its owner, a few parcels at a time.
        store = open_or_begin_anew(path, opener, saving_bytes=0, floor_bytes=floor_bytes, broken=broken)
        return cls(store, max_bytes)

    def notes(self) -> dict[str, bytes]:
        """Return all notes by name.

        Raises:
            SpoolDamagedError: One cannot be believed, so the chain cannot be continued; open the outbox again.
        """
        return _notes(self._store)

    def commit(self, parcels: Sequence[Parcel], notes: Mapping[str, bytes], *, drop: Collection[int] = ()) -> int:
        """The fold: keep parcels, in this order, and overwrite notes, in one transaction. Durable on return.

        Args:
            parcels: To be kept.
            notes: To be overwritten.
            drop: Positions of parcels that go in the same transaction: what is dropped, and the word that it was, are one thing.

        Returns:
            The position of the last parcel; without parcels, of the newest one there ever was.

        Raises:
            SpoolFullError: There is no room. Nothing was written, and settling still works.
            SpoolDamagedError: The file broke since it was opened; open it again.
            OSError: The disk failed. Nothing was written.
            ValueError: A parcel or note breaks a bound, or its epoch and sequence are taken. Nothing was written.
        """
        for parcel in parcels:
            _check(parcel)
        with self._store.transaction():
            first = self._store.last_key("parcel") + 1
            self._store.run_many(_DELETE, ((position,) for position in drop))
            self._store.run_many(_INSERT, (_parcel_row(position, parcel) for position, parcel in enumerate(parcels, first)))
            self._store.run_many(_NOTE, _note_rows(notes))
        return first - 1 + len(parcels)

    def pending(self, after_position: int, *, limit: int) -> list[Stored | DamagedParcel]:
        """Return the next parcels in order, at most `limit`, those that cannot be believed as `DamagedParcel`.

        Raises:
            SpoolDamagedError: The file broke since it was opened; open it again.
        """
        return self._parcels("WHERE position > ? ORDER BY position LIMIT ?", (after_position, limit))

    def find(self, epoch: str, seq: int) -> Stored | DamagedParcel | None:
        """Return one parcel by its place in its chain, or None if it is not here. Raises as `pending` does."""
        return next(iter(self.span(epoch, seq, seq, limit=1)), None)

    def span(self, epoch: str, first_seq: int, last_seq: int, *, limit: int) -> list[Stored | DamagedParcel]:
        """Return what is here of a stretch of a chain, both ends included, at most `limit`. Raises as `pending` does."""
        return self._parcels("WHERE epoch = ? AND seq BETWEEN ? AND ? ORDER BY seq LIMIT ?", (epoch, first_seq, last_seq, limit))

    def of_kind(self, kind: str) -> list[Stored | DamagedParcel]:
        """Return all parcels of one kind, in order. Reads the whole file. Raises as `pending` does."""
        return self._parcels("WHERE kind = ? ORDER BY position", (kind,))

    def places(self, epoch: str) -> list[tuple[int, int]]:
        """Return which places of a chain are here, as sequence and position. Reads the whole file. Raises as `pending` does."""
        # From the rows, not from the index: the entry of a row that rotted may be left behind there.
        rows = self._store.rows("SELECT seq, position FROM parcel NOT INDEXED WHERE epoch = ?", (epoch,))
        return [(seq, position) for seq, position in rows if isinstance(seq, int) and isinstance(position, int)]

    def outside(self, epoch: str) -> list[int]:
        """Return the positions of all that belongs to another chain. Reads the whole file. Raises as `pending` does."""
        rows = self._store.rows("SELECT position FROM parcel NOT INDEXED WHERE epoch <> ?", (epoch,))
        return [position for (position,) in rows if isinstance(position, int)]

    def newest(self) -> set[int]:
        """Return the position of the newest parcel of each kind and subject. Reads the whole file. Raises as `pending` does."""
        rows = self._store.rows("SELECT max(position) FROM parcel GROUP BY kind, subject")
        return {position for (position,) in rows if isinstance(position, int)}

    def newest_sizes(self, kind: str) -> dict[str, int]:
        """Return by subject how many bytes the newest parcel of one kind takes. Raises as `pending` does."""
        rows = self._store.rows(
            "SELECT subject, length(token), max(position) FROM parcel WHERE kind = ? GROUP BY subject", (kind,)
        )
        return {subject: size for subject, size, _ in rows if isinstance(subject, str) and isinstance(size, int)}

    def respect(self, floor_bytes: int) -> None:
        """Do not let the file grow into the last `floor_bytes` of its volume; let it grow again once there is room.

        Files that were set aside go for that, but not one that is still to be saved: in its place this one may become as large.

        Raises:
            OSError: The volume cannot be asked.
        """
        damaged = self.damaged
        forget_copies(self.path, floor_bytes=floor_bytes, spare=damaged[0] if damaged else "")
        wreck = self.path.with_name(damaged[0]) if damaged else None
        self._store.limit(_room_for(self.path, wreck, max_bytes=self.max_bytes, floor_bytes=floor_bytes))

    def forget_copy(self) -> bool:
        """Make room on the volume: delete the oldest file that was set aside and is not to be saved; return whether one was."""
        return forget_oldest(self.path, spare=(self.damaged or ("",))[0])

    def settle(self, epoch: str, upto: int, notes: Mapping[str, bytes] = _NOTHING) -> int:
        """Delete what a receipt covers, the parcels of an epoch up to a sequence, and overwrite notes; return how many went.

        Raises:
            SpoolDamagedError: The file broke since it was opened; open it again.
            OSError: The disk failed. Nothing was deleted.
            ValueError: A note breaks a bound. Nothing was deleted.
        """
        with self._store.transaction():
            settled = self._store.run("DELETE FROM parcel WHERE epoch = ? AND seq <= ?", (epoch, upto))
            self._store.run_many(_NOTE, _note_rows(notes))
        return settled

    def settle_positions(self, positions: Collection[int]) -> int:
        """Delete parcels by position; return how many went. Raises as `settle` does."""
        with self._store.transaction():
            return self._store.run_many(_DELETE, ((position,) for position in positions))

    def depth(self) -> Depth:
        """Return how much is waiting. Cheap: reads no envelope.

        Raises:
            SpoolDamagedError: The file broke since it was opened; open it again.
        """
        question = (
            "SELECT (SELECT count(*) FROM parcel), (SELECT at FROM parcel ORDER BY position LIMIT 1), "
            "page_count - freelist_count FROM pragma_page_count, pragma_freelist_count"
        )
        match self._store.rows(question):
            case [(int(count), str() | None as oldest_at, int(pages))]:
                return Depth(count=count, used_bytes=pages * PAGE_BYTES, oldest_at=oldest_at)
            case _:
                raise SpoolDamagedError(f"{self._store.path}: the oldest parcel has no time")

    def is_empty(self) -> bool:
        """Return whether nothing waits. Cheaper than `depth`, which counts. Raises as `pending` does."""
        return not self._store.rows(_POSITIONS + "LIMIT 1")

    def close(self) -> None:
        """Close the file; its WAL is folded into it. Closing twice is harmless."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        self.close()

    def _parcels(self, which: str, values: tuple[Value, ...]) -> list[Stored | DamagedParcel]:
        try:
            rows = self._store.rows(_PARCELS + which, values)
        except SpoolDamagedError:  # then one parcel at a time: what is wrong with one row stays with that row
            positions = self._store.rows(_POSITIONS + which, values)
            return [_parcel(self._store, position) for (position,) in positions if isinstance(position, int)]
        return [parcel_from(position, rest) for position, *rest in rows if isinstance(position, int)]


def _open(path: Path, max_bytes: int) -> Store:
    store = open_file(path, _LAYOUT, max_bytes=max_bytes, begin=lambda store: _remember(path, store))
    with closed_on_error(store):
        _notes(store)  # an outbox without its chain head must not go on
        # A counter behind its table would give a position twice.
        if store.rows("SELECT 1 FROM parcel WHERE position > ? LIMIT 1", (store.last_key("parcel"),)):
            raise SpoolDamagedError(f"{path}: its counter is behind its parcels")
    return store


def _remember(path: Path, new: Store) -> None:
    """Begin an outbox with the name of the damaged one in whose place it is, if there was one."""
    if found := unsaved(path):
        new.run_many(_NOTE, _note_rows({DAMAGED: f"{found[0].name} {found[1]}".encode()}))


def _check(parcel: Parcel) -> None:
    if reason := flaw(kind=parcel.kind, subject=parcel.subject, at=parcel.at, body=parcel.token):
        raise ValueError(reason)
    if not is_name(parcel.epoch, MAX_NAME_BYTES) or not 0 <= parcel.seq <= MAX_SEQ or len(parcel.digest) > MAX_DIGEST_BYTES:
        raise ValueError("the epoch, the sequence or the digest is out of range")


def _parcel(store: Store, position: int) -> Stored | DamagedParcel:
    try:
        rows = store.rows(PARCEL, (position,))
    except SpoolDamagedError as damage:  # not UTF-8, a broken page
        return DamagedParcel(position=position, reason=str(damage))
    return parcel_from(position, rows[0]) if rows else DamagedParcel(position=position, reason="it is listed, and not there")


def parcel_from(position: int, row: Sequence[object]) -> Stored | DamagedParcel:
    """Judge the columns of `PARCEL`."""
    match row:
        case str(epoch), int(seq), str(kind), str(subject), str(at), bytes(token), bytes(digest), int(crc):
            if crc != checksum(position, epoch, seq, kind, subject, at, token, digest):
                return DamagedParcel(position=position, reason="the checksum does not match")
            return Stored(position=position, epoch=epoch, seq=seq, kind=kind, subject=subject, at=at, token=token, digest=digest)
        case _:
            return DamagedParcel(position=position, reason="a column has the wrong type")


def _parcel_row(position: int, parcel: Parcel) -> tuple[Value, ...]:
    columns = (position, parcel.epoch, parcel.seq, parcel.kind, parcel.subject, parcel.at, parcel.token, parcel.digest)
    return (*columns, checksum(*columns))


def _notes(store: Store) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for row in store.rows("SELECT name, value, crc FROM note"):
        note = note_from(row)
        if note is None:
            raise SpoolDamagedError(f"{store.path}: a note cannot be believed")
        found[note[0]] = note[1]
    return found


def note_from(row: Row) -> tuple[str, bytes] | None:
    """Judge the name, value and checksum of a note; return its name and value if it can be believed."""
    match row:
        case str(name), bytes(value), int(crc) if crc == checksum(name, value):
            return name, value
        case _:
            return None


def _note_rows(notes: Mapping[str, bytes]) -> Generator[tuple[Value, ...], None, None]:
    for name, value in notes.items():
        if not is_name(name, MAX_NAME_BYTES) or len(value) > MAX_NOTE_BYTES:
            raise ValueError(f"the note {name!r} is out of range")
        yield name, value, checksum(name, value)
