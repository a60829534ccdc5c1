"""Saving what a damaged outbox still holds, a few envelopes at a time, while everything else goes on.

Decides which of its envelopes are ours and whether the end of its chain is known. Never believes one whose own signature does not
hold, never signs it anew, and never continues a chain of whose end it is not sure: two records for one place would be a fork.

    damaged file ──200 at a time──► new outbox ──all saved──► gaps for what is missing ──► chain.start/1, reason damaged

Each arrow is a transaction that also says how far it came, so a kill at any moment repeats a step and loses none.

Where there is no room, files that were set aside earlier go, then the oldest of what was saved, and at last the damaged file itself:
the gaps, or the end that the new chain names, cover what is missing then as they cover what cannot be read. To wait would not do. The
receiver may take nothing behind a hole that only the end of the rescue confesses.
"""

from agent.core.limits import ALWAYS_KEPT
from agent.log import line, logger
from agent.publish.fold import Author, Chain
from agent.publish.keeping import BLOCK, Settled
from agent.publish.signers import FORMER, former
from agent.publish.stated import note
from buffer.errors import SpoolFullError
from buffer.outbox import Outbox, Parcel, Stored
from buffer.wreck import Wreck
from evidence.envelope import unseal
from evidence.errors import EvidenceError
from evidence.keys import public_from_jwk
from evidence.kinds import PreviousChain

CARRIED_OVER = ("watermark", "manifest", "session", FORMER)
"""Notes that are worth as much in the new outbox. A stale one would cost a duplicate; none costs more of them."""

SMALLER_BLOCKS = 14
"""By how much fewer envelopes are saved at once where so many have no room: 200, 14, 1."""

PATIENCE = 3
"""How often room is waited for, while nothing is delivered, before something is let go of: the role rests in between, and delivers."""

DROPPED_SHARE = 8
MOST_DROPPED = 2_000
"""What of it goes then: an eighth, as far as that fits into memory."""

_log = logger("publish")


class Rescue:
    """A damaged outbox beside the new one."""

    def __init__(self, outbox: Outbox, wreck: Wreck, author: Author) -> None:
        self._outbox = outbox
        self._wreck = wreck
        self._old = wreck.notes()  # now, as the file may have to go
        self._block, self._refused = BLOCK, 0
        self._oldest: list[int] = []
        keys = [*former(self._old), public_from_jwk(author.signer.public_jwk)]  # what an older key signed waits here too
        self._keys = {key.kid: key for key in keys}
        self._after = int(outbox.notes().get("rescue", b"0"))

    def step(self) -> bool:
        """Save some more, or make room for it; return whether there may be more still.

        Raises:
            SpoolFullError: There is no room, and nothing left that could go.
        """
        found = self._wreck.parcels(self._after, limit=self._block)
        if not found:
            return False
        saved = [_parcel(parcel) for parcel in found if self._is_ours(parcel)]
        try:
            self._outbox.commit(saved, {"rescue": b"%-16d" % found[-1].position})
        except SpoolFullError as error:
            self._make_room(error)
            return True
        self._after = found[-1].position
        self._block = min(BLOCK, 2 * self._block)
        _log.warning(line("outbox.rescued", envelopes=len(saved), refused=len(found) - len(saved)))
        return True

    def notes(self) -> dict[str, bytes]:
        """Return what the damaged outbox knew besides its envelopes and is still worth something."""
        return {name: self._old[name] for name in CARRIED_OVER if name in self._old}

    def _make_room(self, error: SpoolFullError) -> None:
        """Let something give way.

        Raises:
            SpoolFullError: Delivery gets time to make room; or there is nothing left that could give way.
        """
        if self._outbox.forget_copy():
            return
        if self._block > 1:
            self._block = max(1, self._block // SMALLER_BLOCKS)
            return
        if self._is_delivered():
            self._refused = 0
        self._refused += 1
        if self._refused <= PATIENCE:
            raise error
        if dropped := self._drop_oldest():
            self._is_delivered()
            _log.error(line("outbox.shed", envelopes=dropped, why="no room for what is saved of a damaged outbox"))
        elif self._wreck.give_up():
            _log.error(line("outbox.given-up", why=str(error)))
        else:
            raise error

    def _is_delivered(self) -> bool:
        """Tell whether the oldest is another one than when this was last asked: then waiting makes room."""
        before, self._oldest = self._oldest, [one.position for one in self._outbox.pending(0, limit=1)]
        return self._oldest != before

    def _drop_oldest(self) -> int:
        """Let go of the oldest of what was saved; return how many envelopes that were: none if the disk does not take even that."""
        share = min(MOST_DROPPED, self._outbox.depth().count // DROPPED_SHARE + 1)
        waiting = self._outbox.pending(0, limit=share + len(ALWAYS_KEPT))
        oldest = [one.position for one in waiting if not isinstance(one, Stored) or one.kind not in ALWAYS_KEPT]
        try:
            return self._outbox.settle_positions(oldest[:share])
        except SpoolFullError:  # the volume, and not a cap: not even the log of a deletion has room
            return 0

    def end(self, reached: PreviousChain | None) -> tuple[Chain, Settled | None] | None:
        """Return where the chain of the damaged outbox ended and how far it was settled, if that is beyond doubt.

        Args:
            reached: How far it reached at least, as the file beside the outbox tells.
        """
        for notes in (self._outbox.notes(), self._old):
            chain = note(notes, "chain", Chain)
            if chain is None:
                continue
            # A head behind an envelope that it must have counted is an old one.
            counted = [seq for seq, _ in self._outbox.places(chain.epoch)]
            if reached is not None and reached.epoch == chain.epoch:
                counted.append(reached.seq)
            if chain.seq >= max(counted, default=-1):
                return chain, note(notes, "settled", Settled)
        return None

    def _is_ours(self, parcel: Stored) -> bool:
        try:
            opened = unseal(parcel.token, self._keys.get)
        except EvidenceError:
            return False
        ours = (parcel.epoch, parcel.seq, parcel.digest)
        is_as_stated = (opened.claims.epoch, opened.claims.seq, opened.envelope.digest) == ours
        return is_as_stated and self._outbox.find(parcel.epoch, parcel.seq) is None


def _parcel(stored: Stored) -> Parcel:
    return Parcel(
        epoch=stored.epoch,
        seq=stored.seq,
        kind=stored.kind,
        subject=stored.subject,
        at=stored.at,
        token=stored.token,
        digest=stored.digest,
    )
