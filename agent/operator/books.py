"""What collect has left in the journal of each asset: what is believed of it, when it is asked next, what happened to it.

The only place where a command of the operator reads the journal. Decides nothing; reads beside the running role, never holds
the file for long, and steps over what it cannot believe.
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from agent.core.asset import AssetState
from agent.core.change import Change
from agent.core.decoding import UnreadableError, decoded, read_all
from agent.core.schedule import Turn
from agent.wiring import Places, bodies
from buffer.errors import SpoolError
from buffer.record import Record
from buffer.view import JournalView
from config.model import Plant

BATCH = 500  # records
BATCH_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What the journal says, by asset id.

    Attributes:
        states: What is believed of each asset that was looked at.
        turns: When each endpoint was asked, and how long it is left alone.
        changes: What happened, oldest first. Only what is still in the journal: what is folded and delivered is trimmed in time.
    """

    states: Mapping[str, AssetState] = field(default_factory=dict)
    turns: Mapping[str, Turn] = field(default_factory=dict)
    changes: Mapping[str, list[Change]] = field(default_factory=dict)


def read(plant: Plant) -> Books:
    """Read the journal of a plant.

    Raises:
        OSError: collect has not run yet, or its journal cannot be read, or not as a whole.
    """
    journal = Places(plant).journal
    try:
        with JournalView.open(journal) as view:
            found = bodies(view)
            return Books(
                states=read_all(found["asset"], AssetState), turns=read_all(found["endpoint"], Turn), changes=_changes(view)
            )
    except SpoolError as error:
        raise OSError(f"{journal}: {error}") from error


def _changes(view: JournalView) -> dict[str, list[Change]]:
    found: dict[str, list[Change]] = {}
    for record in _records(view):
        if record.kind == "change":
            with contextlib.suppress(UnreadableError):
                change = decoded(record.body, Change)
                found.setdefault(record.subject, []).append(change)
    return found


def _records(view: JournalView) -> Iterator[Record]:
    after = 0
    while batch := view.read(after, max_records=BATCH, max_bytes=BATCH_BYTES):
        yield from (record for record in batch if isinstance(record, Record))
        after = batch[-1].seq
