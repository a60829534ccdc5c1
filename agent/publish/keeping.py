"""The chain as the outbox holds it: what is added, what is given up, and the signed word for every place that is missing.

Decides, with `agent.core.limits`, what goes when there is no room and what has to be confessed. Never lets anything go without the
gap that covers it, in the same transaction; never gives a sequence twice; never judges a receipt by anything but its own hash.

One rule serves a full disk, a refused envelope, a rotten row and a rescued file: after the step, every place between the last
receipt and the end of the chain is in the outbox or in a gap that is. And every step makes room for itself: a full outbox must not
keep waiting what would empty it.

A chain that ended cannot be signed for any more: its next place may have been used. So where there is no room to begin another one,
the former chain gives up its end, not its beginning. That end is exactly what `previous` of the new start names as missing, and
whatever comes before it can still be proven.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import msgspec

from agent.core.limits import GAP, SHED_SHARE, Candidate, covered, missing, to_cut, to_shed
from agent.core.moment import Moment
from agent.log import line, logger
from agent.publish.fold import Author, Chain, Draft, extend, unprovable
from agent.publish.reached import Reached
from agent.publish.signers import handed_over, signing
from agent.publish.stated import claims_of, gap_of, span_of
from buffer.errors import SpoolDamagedError, SpoolFullError
from buffer.limits import MAX_SEQ
from buffer.outbox import DamagedParcel, Outbox, Stored
from evidence import kinds
from evidence.claims import Receipt, Stream
from evidence.envelope import hash_text

BLOCK = 200
"""Envelopes looked at together."""

ROOM_FOR_GAPS_BYTES = 16_384

ROOM_TO_BEGIN_BYTES = 8_192
"""For the start of a chain and the word of what went for it: two envelopes and the pages that list them."""

_log = logger("publish")


class Settled(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far receipts reach: what is missing up to there was delivered.

    Attributes:
        epoch: The chain.
        upto: The last sequence that the receiver holds; -1 if none.
    """

    epoch: str
    upto: int = -1


class Keeper:
    """One chain in one outbox.

    Attributes:
        chain: Where it ends.
    """

    def __init__(self, outbox: Outbox, author: Author, chain: Chain, settled: Settled | None) -> None:
        self._outbox = outbox
        self._author = author
        self._reached = Reached(outbox.path)
        self._settled: Settled | None = None
        self.resume(chain, settled)
        self._former_closed = self._has_a_receipt()

    def begin(
        self, chain: Chain, start: Callable[[], kinds.ChainStart], notes: Mapping[str, bytes], now: Moment, *, sure: bool = False
    ) -> None:
        """Begin another chain. What waits of the one before still goes first; if there is no room, it makes it.

        Args:
            chain: The new one.
            start: Says why, and how far the one before went, which gaps move if room has to be made.
            notes: To be written with it.
            now: When.
            sure: Whether the end of the chain before is beyond doubt: then its oldest go, with a gap. Otherwise its end goes.

        Raises:
            SpoolFullError: The disk itself is full. Nothing was written.
        """
        settled, former = Settled(epoch=chain.epoch), self.former_end()
        begun = {"settled": msgspec.json.encode(settled), "former": former.epoch.encode() if former else b""}
        notes = {**notes, **signing(self._author.signer), **begun}
        try:
            self._write([Draft("gateway", start())], chain, notes, (), now)
        except SpoolFullError as error:
            if sure:
                self._shed(0, kinds.GapReason.DAMAGED, now)
            self._begin_for(chain, start(), notes, now, error)
        self._settled = settled
        self._former_closed = False

    def _begin_for(
        self, chain: Chain, start: kinds.ChainStart, notes: Mapping[str, bytes], now: Moment, error: SpoolFullError
    ) -> None:
        """Begin another chain, if need be in place of the end of the former one, and say how much that was."""
        rotten: list[int] = []
        waiting = list(self._candidates(rotten))
        room = 0  # perhaps there is some now
        while True:
            cut = to_cut(waiting, need_bytes=room)
            drop = [*cut, *rotten] if cut else []
            said = (
                [unprovable(f"{len(drop)} signed records of a former chain were given up to begin another", now)] if drop else []
            )
            try:
                self._write([Draft("gateway", start), *said], chain, notes, drop, now)
            except SpoolFullError:
                if waiting and len(cut) < len(waiting):
                    room = max(ROOM_TO_BEGIN_BYTES, 4 * room)  # more than it takes: pages become free only in part
                    continue
                raise error from None
            if drop:
                _log.error(line("outbox.shed", envelopes=len(drop), why="no room to begin a chain"))
            return

    def resume(self, chain: Chain, settled: Settled | None) -> None:
        """Take up a chain where it ended."""
        self.chain = chain
        self._settled = settled if settled and settled.epoch == chain.epoch else None
        self._gaps = {parcel.position: span_of(parcel) for parcel in self._outbox.of_kind(GAP) if isinstance(parcel, Stored)}

    def append(self, drafts: Sequence[Draft], notes: Mapping[str, bytes], now: Moment) -> None:
        """Sign and store: envelopes, chain head and notes, or nothing. If there is no room, the oldest bodies make it.

        Raises:
            SpoolFullError: There is no room, and nothing that may go. Nothing was written.
        """
        self._store(lambda: drafts, notes, (), now)

    def remember(self, notes: Mapping[str, bytes], now: Moment) -> None:
        """Write notes alone, durably. Raises as `append` does."""
        self._store(list, notes, (), now)

    def give_up(self, parcel: Stored, reason: kinds.GapReason, now: Moment) -> bool:
        """Let go of an envelope that nobody will ever take; return whether it was still here."""
        if self._outbox.find(parcel.epoch, parcel.seq) != parcel or parcel.epoch != self.chain.epoch:
            return False
        self._let_go([parcel.position], reason, now)
        return True

    def mend(self, rotten: Collection[int], now: Moment) -> None:
        """Let go of what cannot be believed any more, and confess every place that is missing."""
        self._let_go(rotten, kinds.GapReason.BITROT, now)

    def confess_missing(self, reason: kinds.GapReason, now: Moment) -> None:
        """Confess every place that is missing."""
        self._let_go([], reason, now)

    def gap_before(self, parcel: Stored) -> Stored | None:
        """Return the gap that bridges what is missing before an envelope, if something is.

        Sent just before it, it spares the receiver from holding all that follows until the gap's own turn comes.
        """
        for position, (epoch, first, last) in self._gaps.items():
            if epoch == parcel.epoch and first < parcel.seq <= last + 1:
                found = self._outbox.pending(position - 1, limit=1)
                return found[0] if found and isinstance(found[0], Stored) and found[0].position == position else None
        return None

    def again(self, epoch: str, first: int, now: Moment) -> tuple[int, bool] | None:
        """Find from where to send again for a receiver that holds all of a chain before `first`.

        What it misses may have been settled and let go of: a receiver that lost its books had signed for it. Then a gap says so.

        Returns:
            A position, and whether nothing is missing from there on; None if there is nothing to send.
        """
        found = next(iter(self._outbox.span(epoch, first, MAX_SEQ, limit=1)), None)
        if epoch != self.chain.epoch or first > self.chain.seq:
            return (found.position, True) if found else None
        upto = found.seq - 1 if isinstance(found, Stored) else self.chain.seq
        if upto < first:
            return (found.position, True) if found else None
        if not covered((first, upto), [span[1:] for span in self._gaps.values() if span[0] == epoch]):
            last_hash = claims_of(found).prev if isinstance(found, Stored) else self.chain.head
            if last_hash is None:
                return None
            gap = kinds.Gap(
                from_seq=first, to_seq=upto, count=upto - first + 1, reason=kinds.GapReason.DELIVERED, last_hash=last_hash
            )
            self.append([Draft("gateway", gap)], {}, now)
        positions = [position for position, span in self._gaps.items() if span[0] == epoch and span[2] >= upto]
        return min([*positions, *([found.position] if found else [])]), False

    def rotate(self, author: Author, offer: Callable[[Chain], kinds.KeyRotate], now: Moment) -> None:
        """Hand the chain over: its next record is the old author's last, and from then on another signs.

        Args:
            author: Signs from now on.
            offer: Names the next key at the end of the chain, which gaps move if room has to be made.
            now: When.

        Raises:
            SpoolFullError: There is no room, and nothing that may go. Nothing was handed over.
        """
        notes = handed_over(self._outbox.notes(), self._author.signer, author.signer)
        self._store(lambda: [Draft("gateway", offer(self.chain))], notes, (), now)
        self._author = author

    def settle(self, receipt: Receipt) -> int:
        """Let go of what the receiver holds, if it holds what we sent; return how many envelopes that were."""
        if receipt.stream is not Stream.EVIDENCE:
            return 0
        ours = self._hash_at(receipt.epoch, receipt.upto)
        if ours is None:
            return 0  # settled already, a receipt for a chain that is not ours, or nothing left to compare it with
        if ours != receipt.head:
            _log.error(line("receipt.mismatch", epoch=receipt.epoch, upto=receipt.upto))
            return 0
        is_current = receipt.epoch == self.chain.epoch
        reached = Settled(epoch=receipt.epoch, upto=receipt.upto)
        settled = self._outbox.settle(
            receipt.epoch, receipt.upto, {"settled": msgspec.json.encode(reached)} if is_current else {}
        )
        if is_current:
            self._settled = reached
            self._former_closed = True
        self._gaps = {
            position: span for position, span in self._gaps.items() if span[0] != receipt.epoch or span[2] > receipt.upto
        }
        return settled

    def _has_a_receipt(self) -> bool:
        """Whether the receiver has gone on to this chain."""
        return self._settled is not None and self._settled.upto >= 0

    def close_former(self, now: Moment) -> None:
        """Once the receiver has gone on to this chain it takes nothing of an older one: let go of that, and say so."""
        if not self._former_closed:
            return
        self._former_closed = False
        left = self._outbox.outside(self.chain.epoch)
        if left:
            detail = f"{len(left)} signed records of a former chain, whose end was lost, could not be delivered"
            self._store(lambda: [unprovable(detail, now)], {}, left, now)

    def _hash_at(self, epoch: str, seq: int) -> str | None:
        """Return our own hash of a place, from the record, from the gap that ends there, or from the end of the chain."""
        found = self._outbox.find(epoch, seq)
        if isinstance(found, Stored):
            return hash_text(found.digest)
        for position, span in self._gaps.items():
            if (span[0], span[2]) == (epoch, seq):
                parcel = next(iter(self._outbox.pending(position - 1, limit=1)), None)
                return gap_of(parcel).last_hash if isinstance(parcel, Stored) and parcel.position == position else None
        return self.chain.head if found is not None and (epoch, seq) == (self.chain.epoch, self.chain.seq) else None

    def _store(
        self, drafts: Callable[[], Sequence[Draft]], notes: Mapping[str, bytes], drop: Collection[int], now: Moment
    ) -> None:
        """Write at the end of the chain; if there is no room, the oldest bodies make it.

        Raises:
            SpoolFullError: There is no room, and nothing that may go. Nothing was written.
        """
        try:
            self._write(drafts(), self.chain, notes, drop, now)
        except SpoolFullError:
            if not self._shed(_weight(drafts()), kinds.GapReason.BUFFER_FULL, now):
                raise
            self._write(drafts(), self.chain, notes, drop, now)

    def _shed(self, weight: int, reason: kinds.GapReason, now: Moment) -> bool:
        """Make room; return whether there is some now."""
        # Of what is in use, not of the cap: on a volume that others have filled an outbox may not grow to a share of its cap.
        need = max(self._outbox.depth().used_bytes // SHED_SHARE, weight + weight // 4)
        rotten: list[int] = []
        chosen = to_shed(
            self._candidates(rotten), epoch=self.chain.epoch, newest=self._outbox.newest(), need_bytes=need + ROOM_FOR_GAPS_BYTES
        )
        if not chosen:
            return False
        _log.error(line("outbox.shed", envelopes=len(chosen), why="the outbox is full"))
        self._drop([*chosen, *rotten], reason, now)
        return True

    def _candidates(self, rotten: list[int]) -> Iterator[Candidate]:
        """Yield what waits, oldest first; note aside what cannot be believed."""
        after = 0
        while block := self._outbox.pending(after, limit=BLOCK):
            for entry in block:
                after = entry.position
                if isinstance(entry, DamagedParcel):
                    rotten.append(entry.position)
                    continue
                size = len(entry.token) + len(entry.subject)
                yield Candidate(position=entry.position, epoch=entry.epoch, kind=entry.kind, size_bytes=size)

    def _let_go(self, positions: Collection[int], reason: kinds.GapReason, now: Moment) -> None:
        """Drop envelopes and confess what is then missing; if there is no room for the confession, the oldest bodies make it."""
        try:
            self._drop(positions, reason, now)
        except SpoolFullError:
            # While a damaged outbox is saved its chain may lack its start, which only that reason may confess.
            why = reason if reason is kinds.GapReason.DAMAGED else kinds.GapReason.BUFFER_FULL
            if not self._shed(0, why, now):
                raise
            self._drop(positions, reason, now)

    def _drop(self, positions: Collection[int], reason: kinds.GapReason, now: Moment) -> None:
        """Drop envelopes, and cover every place of the chain that is then missing, in one transaction."""
        drop = set(positions)
        while True:
            try:
                gaps = list(self._uncovered(drop, reason))
                break
            except _RottenError as found:
                drop.add(found.position)
        if reason is not kinds.GapReason.DAMAGED and any(gap.from_seq == 0 for gap in gaps):
            # No gap bridges to a chain that the receiver never saw begin: save what is there, and begin another one.
            raise SpoolDamagedError("the start of the chain cannot be believed any more")
        self._write([Draft("gateway", gap) for gap in gaps], self.chain, {}, drop, now)
        for gap in gaps:
            _log.warning(line("gap", first=gap.from_seq, last=gap.to_seq, reason=gap.reason))

    def _uncovered(self, drop: Collection[int], reason: kinds.GapReason) -> Iterator[kinds.Gap]:
        """Yield the gaps that are needed once some positions are gone."""
        epoch = self.chain.epoch
        places = {seq: position for seq, position in self._outbox.places(epoch) if position not in drop}
        left = [span[1:] for position, span in self._gaps.items() if position not in drop and span[0] == epoch]
        settled = self._settled.upto if self._settled else min(places, default=self.chain.seq + 1) - 1
        for first, last in missing(settled, sorted(places), self.chain.seq):
            if covered((first, last), left):
                continue
            last_hash = self.chain.head if last == self.chain.seq else self._prev_of(places[last + 1])
            if last_hash is not None:
                yield kinds.Gap(from_seq=first, to_seq=last, count=last - first + 1, reason=reason, last_hash=last_hash)

    def _prev_of(self, position: int) -> str | None:
        """Return what an envelope names as the hash of the one before it.

        Raises:
            _RottenError: It cannot be believed.
        """
        parcel = next(iter(self._outbox.pending(position - 1, limit=1)), None)
        if not isinstance(parcel, Stored) or parcel.position != position:
            raise _RottenError(position)
        return claims_of(parcel).prev

    def _write(
        self, drafts: Sequence[Draft], chain: Chain, notes: Mapping[str, bytes], drop: Collection[int], now: Moment
    ) -> None:
        chain, parcels = extend(chain, drafts, author=self._author, now=now)
        last = self._outbox.commit(parcels, {**notes, "chain": msgspec.json.encode(chain)}, drop=drop)
        self.chain = chain
        if parcels:
            self._reached.write(chain)
        for position in drop:
            self._gaps.pop(position, None)
        for position, parcel in enumerate(parcels, last - len(parcels) + 1):
            if parcel.kind == GAP:
                self._gaps[position] = span_of(parcel)

    def went_back(self) -> bool:
        """Tell whether the outbox is behind what was once in it. If all is well, what waits may be handed out from now on."""
        back = self._reached.is_beyond(self.chain, self._outbox.notes().get("former"))
        if not back:
            self._reached.write(self.chain)
        return back

    def former_end(self) -> kinds.PreviousChain | None:
        """Return how far a chain of this outbox reached, as the file beside it tells."""
        return self._reached.end()


class _RottenError(Exception):
    """An envelope that was about to be relied on cannot be believed."""

    def __init__(self, position: int) -> None:
        super().__init__(f"position {position}")
        self.position = position


def _weight(drafts: Sequence[Draft]) -> int:
    """About how many bytes reports take in the file: their JSON in base64url, with claims, signature and row."""
    return sum(len(msgspec.json.encode(draft.body)) * 3 // 2 + 1200 for draft in drafts)
