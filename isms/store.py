"""What the receiver needs of a store, and nothing of how it is kept: SQLite today (`isms.inventory`), a database server later.

Decides the promises that any store must keep. Must never know SQL, a path or a connection. `tests/isms/test_store.py` is the contract
as a test: a second store, in memory, passes it too.

The promises:
- Between `begin` and `commit` nobody else writes, and what is read there is the newest there is.
- What was not committed is gone after a crash; what was is still there after a power cut.
- Kept records are never changed and never deleted.
- Whatever a store cannot do it says as an `InventoryError`, at the latest when it is closed.
"""

from collections.abc import Iterator
from typing import Any, Final, Protocol

from evidence.chain import Head
from evidence.kinds import Health
from evidence.trust import Handover
from isms.receive import Chain, ChainState, Presence, Report, Verdict

HELD_RECORDS: Final = 1024  # of one gateway, waiting for their predecessors
HELD_BYTES: Final = 4_194_304  # of one gateway
KEPT_REFUSALS: Final = 1000
KEPT_START_BYTES: Final = 200


class InventoryError(Exception):
    """The books cannot be read or written; the sentence says why."""


class Store(Protocol):
    """The books as the receiver writes them, one transaction a batch."""

    def begin(self) -> None:
        """Begin a transaction, if there is none. Nobody else writes until it is committed."""
        ...

    def version(self) -> int:
        """Return a number that changes when somebody else has written. It means something only between `begin` and `commit`."""
        ...

    def commit(self) -> None:
        """Make everything since the last commit durable."""
        ...

    def chain(self, iss: str) -> Chain | None:
        """Return the current chain of a gateway, or None if there is none yet."""
        ...

    def known(self, iss: str, epoch: str, seq: int) -> bytes | None:
        """Return the digest of the accepted record at a place of a chain, or None."""
        ...

    def head(self, iss: str, epoch: str) -> Head | None:
        """Return the end of a sound chain if its last record is held; not if a signed gap moved the end beyond it."""
        ...

    def begin_chain(self, chain: Chain, *, review: str, at: str) -> None:
        """Enter a new chain; it is the current one of its gateway from now on. What waits of another one is let go of."""
        ...

    def move_head(self, chain: Chain) -> None:
        """Enter the new end of a chain, and who signs it now."""
        ...

    def freeze(self, iss: str, epoch: str, state: ChainState) -> None:
        """Enter that a chain is not sound."""
        ...

    def keep(self, report: Report, verdict: Verdict, at: str) -> None:
        """Enter a record of a chain, and what it says of assets if it was accepted."""
        ...

    def hold(self, report: Report, topic: str) -> None:
        """Keep a record for a while, if there is room: `HELD_RECORDS` and `HELD_BYTES` a gateway. What does not fit comes again."""
        ...

    def take_held(self, iss: str, head: Head) -> tuple[str, bytes] | None:
        """Take out the record that comes after an end: its topic and token. What the end has passed by is let go of."""
        ...

    def held_gap(self, iss: str, head: Head) -> tuple[str, bytes] | None:
        """Return a record that waits and accounts for the one after an end, if there is one: its topic and token. It stays."""
        ...

    def first_held(self, iss: str, epoch: str) -> int | None:
        """Return the lowest sequence that waits, or None if nothing does."""
        ...

    def waiting(self) -> set[str]:
        """Return the gateways of which something waits."""
        ...

    def note_handover(self, handover: Handover, at: str) -> None:
        """Enter that a key has handed its chain over. A key does that once."""
        ...

    def handovers(self) -> list[Handover]:
        """Return every handover in the order in which it happened."""
        ...

    def presence(self, iss: str) -> Presence | None:
        """Return what a gateway last said of its connection."""
        ...

    def is_left(self, iss: str, epoch: str) -> bool:
        """Return whether a gateway has begun another chain after this one, or spoken in a later epoch."""
        ...

    def note_presence(self, iss: str, presence: Presence, at: str) -> None:
        """Enter what a gateway says of its connection."""
        ...

    def note_health(self, report: Report, health: Health, at: str) -> bool:
        """Enter a gateway's health if it is newer than what is held, by session and uptime; return whether it was."""
        ...

    def refuse(self, topic: str, token: bytes, *, reason: str, detail: str, at: str) -> None:
        """Count a message that was not believed; keep the beginning of the newest `KEPT_REFUSALS`."""
        ...


class Shelf(Protocol):
    """The books as people and auditors read them, while somebody else may be writing."""

    def assets(self) -> list[dict[str, Any]]:
        """Return what is believed of every asset, with the changes it went through."""
        ...

    def gateways(self) -> list[dict[str, Any]]:
        """Return every gateway that was ever heard, with its current chain and what a person should look into."""
        ...

    def handovers(self) -> list[Handover]:
        """Return every handover in the order in which it happened."""
        ...

    def refusals(self) -> dict[str, int]:
        """Return how often messages were refused, by reason."""
        ...

    def refused(self) -> list[dict[str, Any]]:
        """Return the newest of what was refused, oldest first."""
        ...

    def tokens(self) -> Iterator[tuple[int, bytes, str]]:
        """Yield every record kept: a number for it, the record, and when it came; chain by chain, in the order they were kept."""
        ...
