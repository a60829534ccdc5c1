"""How far a chain of this outbox was ever known to reach: the line beside the outbox, and what it says against the outbox.

Decides whether an outbox went back in time: a copy that was put back, or a log of SQLite's that lost its end. Its next sequence may
have been used, so such a chain is never gone on with. Never a reason to go on with a chain either: the line can be behind, and
one that cannot be written costs precision only.
"""

from pathlib import Path

from agent.log import line, logger
from agent.publish.fold import Chain
from buffer.chainend import ChainEnd, chain_end_file, read_chain_end, write_chain_end
from evidence import kinds

_log = logger("publish")


class Reached:
    """The line beside one outbox."""

    def __init__(self, outbox: Path) -> None:
        self._path = chain_end_file(outbox)

    def end(self) -> kinds.PreviousChain | None:
        """Return how far a chain of this outbox reached, or None if nothing says so."""
        end = read_chain_end(self._path)
        return kinds.PreviousChain(epoch=end.epoch, seq=end.seq, head=end.head) if end else None

    def is_beyond(self, chain: Chain, former: bytes | None) -> bool:
        """Tell whether the outbox is behind what was once in it.

        Args:
            chain: Where it ends, as the outbox has it.
            former: Epoch of the chain before that, as the outbox has it.
        """
        end = self.end()
        if end is None:
            return False
        if end.epoch == chain.epoch:
            return end.seq > chain.seq or (end.seq == chain.seq and end.head != chain.head)
        # Killed between the begin of this chain and the word of it, or put back from before the begin of a later one.
        return end.epoch.encode() != former

    def write(self, chain: Chain) -> None:
        """Write down the end of a chain. To be called before anything of it is handed out."""
        try:
            if chain.head is not None:
                write_chain_end(self._path, ChainEnd(epoch=chain.epoch, seq=chain.seq, head=chain.head))
        except OSError as error:
            _log.warning(line("chain.end-unwritten", why=str(error)))
