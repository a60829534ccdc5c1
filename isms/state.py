"""The directory that holds everything the receiver knows, and the lock that keeps it to one receiver.

Decides where each file lies, and with it which store keeps the books. Must never let two receivers write the same books, unless both say that they share them.

    isms.db      the books            isms.key   the receiver's private key, which signs receipts
    trust.json   whose word counts    isms.jwk   its public half, for the gateways
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from evidence.keys import FileSigner, create_key, load_signer
from isms.inventory import Books


class StateBusyError(Exception):
    """Another receiver works in this directory."""


@dataclass(frozen=True, slots=True)
class State:
    """The receiver's directory."""

    directory: Path

    @property
    def database(self) -> Path:
        """The books."""
        return self.directory / "isms.db"

    @property
    def trust(self) -> Path:
        """Whose word counts."""
        return self.directory / "trust.json"

    @property
    def private_key(self) -> Path:
        """What signs receipts."""
        return self.directory / "isms.key"

    @property
    def public_key(self) -> Path:
        """What gateways check receipts with."""
        return self.directory / "isms.jwk"

    def create_key(self) -> FileSigner:
        """Make the receiver's key, and the directory where it is missing.

        Raises:
            EvidenceError: There is a key already, or none can be written.
            OSError: The directory cannot be made.
        """
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        signer = create_key(self.private_key)
        self.public_key.write_bytes(msgspec.json.encode(signer.public_jwk) + b"\n")
        return signer

    def load_key(self) -> FileSigner:
        """Read the receiver's key.

        Raises:
            EvidenceError: There is none, or it must not be used.
        """
        return load_signer(self.private_key)

    def open_books(self, *, read_only: bool = False) -> AbstractContextManager[Books]:
        """Open the books for as long as a block lasts; what was not committed is gone then.

        Raises:
            InventoryError: They cannot be opened, are no books of ours, or failed inside the block.
        """
        return Books.open(self.database, read_only=read_only)

    @contextmanager
    def lock(self, *, shared: bool = False) -> Iterator[None]:
        """Be the only receiver in this directory for as long as the block lasts; the kernel lets go if we die.

        Args:
            shared: Be one of a group that shares the work: others of the group may come too, and nobody else.

        Raises:
            StateBusyError: There is one already.
            OSError: The directory cannot be used.
        """
        descriptor = os.open(self.directory / "isms.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise StateBusyError(f"another receiver works in {self.directory}") from None
        finally:
            os.close(descriptor)
