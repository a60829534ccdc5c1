"""What makes a file of the spool ours: its number and its whole structure. Pure.

Decides whether a file is of a version that we know, of a later one, or damaged. Compared as a whole: no other table, view, trigger or
index can hide in it. Never opens one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from buffer.errors import SpoolBusyError, SpoolDamagedError, SpoolNewerError
from buffer.record import Row
from buffer.versions import MOST_VERSIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a file says of itself.

    Attributes:
        application_id: Whose file it is.
        version: Of its schema.
        objects: Its tables, indexes and views, each with its statement.
    """

    application_id: int
    version: int
    objects: frozenset[Row]


EMPTY = Shape(application_id=0, version=0, objects=frozenset())


def expect(shape: Shape, known: Sequence[Shape], path: Path, *, older: bool = False) -> None:
    """Refuse a file that is not exactly ours; one of an older version is only its writer's to mend.

    Args:
        shape: What it says of itself.
        known: Every version that we know, the first one's first.
        path: For the sentence.
        older: Whether an older version will do.

    Raises:
        SpoolBusyError: Its writer has not made it, or not brought it to the newest version yet.
        SpoolNewerError: A later version of this program wrote it.
        SpoolDamagedError: It is none of ours.
    """
    if shape == known[-1] or (older and shape in known):
        return
    if shape == EMPTY:
        raise SpoolBusyError(f"{path}: its writer has not begun it yet")
    if shape in known:
        raise SpoolBusyError(f"{path} has schema version {shape.version}: its writer has not brought it to {len(known)} yet")
    if _is_newer(shape, known):
        raise SpoolNewerError(
            f"{path} has schema version {shape.version}, and this program knows {len(known)}: "
            "a later version wrote it. Install that version again, or move the file away."
        )
    raise SpoolDamagedError(f"{path}: its structure is not the one that this program makes")


def _is_newer(shape: Shape, known: Sequence[Shape]) -> bool:
    """Tell whether a later version wrote a file: its number is beyond ours, and so is its structure.

    Each version changes the structure (`buffer.versions`), so a number beyond ours on a structure of ours is a flipped bit.
    """
    is_number = len(known) < shape.version <= MOST_VERSIONS
    return shape.application_id == known[-1].application_id and is_number and all(shape.objects != each.objects for each in known)
