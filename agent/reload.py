"""A plant file that changes while roles run: what is followed at once, and what has to wait for a restart.

Decides between the plant that holds and the one that was read anew. A file that cannot be used changes nothing. Never restarts
anything, and never follows half of a section by accident: what is fixed is a table.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from agent.log import line, logger
from config.errors import ConfigError
from config.model import Plant

COLLECT_FIXED: Final = ("gateway.state_dir", "spool.journal_max_bytes")
"""Where the journal lies and how large it may be is decided when it is opened."""

PUBLISH_FIXED: Final = ("plant.id", "gateway.id", "gateway.state_dir", "signing.key_file")
"""What the chain was begun with: under another name, or with another key, it is another gateway."""

MOST_LOGGED = 20
"""Problems of one file; `nameplated check` has the rest."""

_log = logger("service")


@dataclass(slots=True)
class Follower:
    """Holds the plant of one role.

    Attributes:
        plant: What holds now.
        read: Reads the plant file.
        fixed: Settings, as `section.key`, that only a restart changes.
        check: Raises a `ConfigError` for a plant that this role cannot follow.
        file: The plant file, or None where nobody said.
        trouble: What a person should mend, or empty.
    """

    read: Callable[[], Plant]
    fixed: Collection[str]
    check: Callable[[Plant], None] = field(default=lambda _plant: None, kw_only=True)
    file: Path | None = field(default=None, kw_only=True)
    plant: Plant = field(init=False)
    trouble: str = field(default="", init=False)

    def __post_init__(self) -> None:
        """Read it for the first time.

        Raises:
            ConfigError: It cannot be used.
        """
        self.plant = self.read()

    def again(self) -> bool:
        """Read it again; return whether what is read is followed. If not, `trouble` says why and everything stays as it was."""
        try:
            new = self.read()
            self.check(new)
        except ConfigError as error:
            self.refuse(str(error))
            return False
        self.plant, waiting = following(self.plant, new, self.fixed)
        self.trouble = f"needs a restart: {', '.join(waiting)}" if waiting else ""
        if waiting:
            _log.warning(line("plant.needs_restart", settings=" ".join(waiting)))
        return True

    def look(self) -> str:
        """Read it again for a role that does nothing now: what is read holds when it begins. Return what a person should mend."""
        self.again()
        return self.trouble

    def refuse(self, why: str) -> None:
        """Say that what was read cannot be used; one line of the log for each problem, the first of them for everyone."""
        first, *more = why.splitlines() or [""]
        self.trouble = f"plant file refused, the old one holds: {first}" + (f" (and {len(more)} more)" if more else "")
        for problem in (first, *more[:MOST_LOGGED]):
            _log.error(line("plant.refused", why=problem))


def following(old: Plant, new: Plant, fixed: Collection[str]) -> tuple[Plant, list[str]]:
    """Return the new plant with what is fixed in the old one, and which settings of the new one wait for a restart."""
    waiting: list[str] = []
    for place in fixed:
        section, _, key = place.partition(".")
        before, after = getattr(old, section), getattr(new, section)
        if getattr(before, key) != getattr(after, key):
            waiting.append(place)
            kept = msgspec.structs.replace(after, **{key: getattr(before, key)})
            new = msgspec.structs.replace(new, **{section: kept})
    return new, waiting
