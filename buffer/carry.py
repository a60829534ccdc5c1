"""What of a damaged journal, or of one that went back in time, begins the new one.

Decides what goes along: all states first, as the back-off of a device is one of them, and then the records that were not folded, the
newest first where there is no room for all. Never counts as saved what does not go along, and never changes the damaged file.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from buffer.aside import size_of, unsaved
from buffer.limits import MAX_SEQ, newest_within
from buffer.record import Damaged, Draft, Record, State, record_from, state_from
from buffer.salvage import Remains, remains
from buffer.watermark import read_watermark

_RECORD = "SELECT kind, subject, at, body, crc FROM record WHERE seq = ?"
_STATE = "SELECT kind, subject, at, body, crc FROM state WHERE number = ?"
_ROW_BYTES = 128  # of a row, beside its body and its subject

_Item = TypeVar("_Item", Draft, State)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What became of a journal that was damaged, or went back in time.

    Attributes:
        sentence: For a person.
        lost: Records that were not folded and are not here any more; None where nobody knows how many.
    """

    sentence: str
    lost: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedOver:
    """What a new journal begins with.

    Attributes:
        records: In order, to be numbered anew.
        states: In order.
        recovery: What to say of it.
    """

    records: Sequence[Draft]
    states: Sequence[State]
    recovery: Recovery


def carried_over(path: Path, watermark_file: Path | None, saving_bytes: int) -> CarriedOver | None:
    """Return what can be read of the journal that was set aside for this one, if one was, and has room.

    Args:
        path: The new journal.
        watermark_file: Tells what was folded; without it nothing was.
        saving_bytes: For how much there is room.
    """
    found = unsaved(path)
    if found is None:
        return None
    aside, cause = found
    with remains(aside) as old:
        counter = old.last_key("record")
        mark = _mark_of(old, watermark_file)
        # Of one that went back in time nobody knows which records were folded: twice is better than never.
        folded = mark if counter is None or mark <= counter else 0
        all_states = [state for number in old.keys("state", "number", after=0, upto=MAX_SEQ) for state in _state(old, number)]
        numbers = old.keys("record", "seq", after=folded, upto=MAX_SEQ)
        all_records = {seq: draft for seq in numbers for draft in _record(old, seq)}
    states, room_bytes = _newest(all_states, saving_bytes)
    records, _ = _newest(list(all_records.values()), room_bytes)
    # A counter behind a record that can be believed, or behind what was folded, counts nothing.
    lost = None if counter is None or counter < max([mark, *all_records]) else max(0, counter - folded - len(records))
    no_room = len(all_states) + len(all_records) - len(states) - len(records)
    sentence = (
        f"{path.name} was damaged and {f'is kept as {aside.name}' if size_of(aside) else 'there was no room to keep it'}; "
        f"a new one was begun with {len(records)} records and {len(states)} states of it. "
        f"{'An unknown number of' if lost is None else lost} records are lost. "
        f"{f'There was no room for {no_room} records and states. ' if no_room else ''}Cause: {cause}"
    )
    return CarriedOver(records=records, states=states, recovery=Recovery(sentence=sentence, lost=lost))


def _newest(items: list[_Item], room_bytes: int) -> tuple[list[_Item], int]:
    """Return the newest that have room, and what room is left."""
    sizes = [len(item.body) + len(item.subject) + _ROW_BYTES for item in items]
    first = len(items) - newest_within(sizes, room_bytes)
    return items[first:], room_bytes - sum(sizes[first:])


def _mark_of(old: Remains, watermark_file: Path | None) -> int:
    mark = read_watermark(watermark_file) if watermark_file else None
    return mark.seq if mark and [(mark.journal_id,)] == old.rows("SELECT id FROM journal LIMIT 2") else 0


def _record(old: Remains, seq: int) -> Iterator[Draft]:
    for row in old.rows(_RECORD, (seq,)):
        match record_from(seq, row):
            case Record(kind=kind, subject=subject, at=at, body=body):
                yield Draft(kind=kind, subject=subject, at=at, body=body)
            case Damaged():
                return


def _state(old: Remains, number: int) -> Iterator[State]:
    for row in old.rows(_STATE, (number,)):
        state = state_from(row)
        if state is not None:
            yield state
