"""A damaged outbox, as far as it can still be read.

Decides nothing about an envelope; each row carries its checksum, and who asked judges the rest. Never writes an envelope into it.
"""

from pathlib import Path

from buffer.aside import give_up, size_of
from buffer.limits import MAX_SEQ
from buffer.outbox import PARCEL, Stored, note_from, parcel_from
from buffer.salvage import remains


class Wreck:
    """A damaged outbox: what is left of it, for its owner to judge. Never raises for what it holds."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def notes(self) -> dict[str, bytes]:
        """Return the notes that can be believed; none where there is a doubt about their list."""
        with remains(self._path) as old:
            rows = old.rows("SELECT name, value, crc FROM note")
        return dict(filter(None, map(note_from, rows)))

    def parcels(self, after_position: int, *, limit: int) -> list[Stored]:
        """Return the next parcels that can be believed, in order, at most `limit`."""
        found: list[Stored] = []
        with remains(self._path) as old:
            for position in old.keys("parcel", "position", after=after_position, upto=MAX_SEQ):
                for row in old.rows(PARCEL, (position,)):
                    parcel = parcel_from(position, row)
                    found += [parcel] if isinstance(parcel, Stored) else []
                if len(found) >= limit:
                    break
        return found

    def give_up(self) -> bool:
        """Let go of what it still holds, for want of room; return whether that made some."""
        held = size_of(self._path) > 0
        give_up(self._path)
        return held
