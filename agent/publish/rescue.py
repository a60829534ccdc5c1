"""Saving what a damaged outbox still holds, a few envelopes at a time, while everything else goes on.

Decides which of its envelopes are ours and whether the end of its chain is known. Never believes one whose own signature does not
hold, never signs it anew, and never continues a chain of whose end it is not sure: two records for one place would be a fork.

    damaged file ──200 at a time──► new outbox ──all saved──► gaps for what is missing ──► chain.start/1, reason damaged

Each arrow is a transaction that also says how far it came, so a kill at any moment repeats a step and loses none.
"""

from agent.log import line, logger
from agent.publish.fold import Author, Chain
from agent.publish.keeping import BLOCK, Settled, note
from agent.publish.signers import FORMER, former
from buffer.outbox import Outbox, Parcel, Stored
from buffer.wreck import Wreck
from evidence.envelope import unseal
from evidence.errors import EvidenceError
from evidence.keys import public_from_jwk
from evidence.kinds import PreviousChain

CARRIED_OVER = ("watermark", "manifest", "session", FORMER)
"""Notes that are worth as much in the new outbox. A stale one would cost a duplicate; none costs more of them."""

_log = logger("publish")


class Rescue:
    """A damaged outbox beside the new one."""

    def __init__(self, outbox: Outbox, wreck: Wreck, author: Author) -> None:
        self._outbox = outbox
        self._wreck = wreck
        keys = [*former(wreck.notes()), public_from_jwk(author.signer.public_jwk)]  # what an older key signed waits here too
        self._keys = {key.kid: key for key in keys}
        self._after = int(outbox.notes().get("rescue", b"0"))

    def step(self) -> bool:
        """Save some more; return whether there may be more still.

        Raises:
            SpoolFullError: The new outbox is full; settling makes room.
        """
        found = self._wreck.parcels(self._after, limit=BLOCK)
        if not found:
            return False
        saved = [_parcel(parcel) for parcel in found if self._is_ours(parcel)]
        self._outbox.commit(saved, {"rescue": b"%d" % found[-1].position})
        self._after = found[-1].position
        _log.warning(line("outbox.rescued", envelopes=len(saved), refused=len(found) - len(saved)))
        return True

    def notes(self) -> dict[str, bytes]:
        """Return what the damaged outbox knew besides its envelopes and is still worth something."""
        old = self._wreck.notes()
        return {name: old[name] for name in CARRIED_OVER if name in old}

    def end(self, reached: PreviousChain | None) -> tuple[Chain, Settled | None] | None:
        """Return where the chain of the damaged outbox ended and how far it was settled, if that is beyond doubt.

        Args:
            reached: How far it reached at least, as the file beside the outbox tells.
        """
        for notes in (self._outbox.notes(), self._wreck.notes()):
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
