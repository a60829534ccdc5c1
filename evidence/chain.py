"""The chain: why a missing, a repeated or a second record cannot hide.

Decides, in pure code, what one more genuine record means for what is already held. Every record names the hash of the one
before it, so a chain can only be continued by whoever holds its end. Must never decide what to do about it: the receiver
stores, freezes and answers; an auditor's tool counts.

    the record's place              its link or hash               step
    held already                    the same hash                  DUPLICATE
    held already                    another hash                   FORK
    the next one                    prev is our head               ACCEPT
    the next one                    prev is something else         BROKEN
    further on                      -                              AHEAD
    behind our head, not held       -                              GIVEN_UP (a signed gap covers it)
    place 0 of a new epoch          chain.start/1, no prev         NEW_EPOCH
    anywhere else in another epoch  -                              UNKNOWN_EPOCH

Two signed words move a head without a record: `bridge` over records that were given up, and `anchor` where a receiver that lost its
books takes up a chain in the middle.

Source: docs/report-format.md; RFC 5848 had the idea of session ids and counters for log gaps.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from evidence.claims import Claims
from evidence.errors import MalformedEnvelopeError
from evidence.kinds import Gap, GapReason
from evidence.strict import decode_base64url, encode_base64url

CHAIN_START = "chain.start/1"


class Step(StrEnum):
    """What one more record means for a chain."""

    ACCEPT = "accept"
    NEW_EPOCH = "new-epoch"
    DUPLICATE = "duplicate"
    AHEAD = "ahead"
    GIVEN_UP = "given-up"
    FORK = "fork"
    BROKEN = "broken"
    UNKNOWN_EPOCH = "unknown-epoch"


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: its last record, and the digest of that record's signing input (32 bytes)."""

    epoch: str
    seq: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Link:
    """Where the next record of a chain goes: what its claims say as `epoch`, `seq` and `prev`."""

    epoch: str
    seq: int
    prev: str | None

    @classmethod
    def first(cls, epoch: str) -> Self:
        """Return the place of the `chain.start/1` of a new epoch."""
        return cls(epoch, 0, None)

    @classmethod
    def after(cls, head: Head) -> Self:
        """Return the place after the end of a chain.

        >>> Link.after(Head("e", 4, bytes(32))).seq
        5
        """
        return cls(head.epoch, head.seq + 1, encode_base64url(head.digest))


def follow(head: Head | None, claims: Claims, digest: bytes, known: bytes | None) -> Step:
    """Decide what one more genuine record means. The table is at the top of this module.

    Args:
        head: End of the chain that is held, or None if there is none yet.
        claims: What the record states.
        digest: Its digest.
        known: Digest of the record that is already held at the same epoch and sequence, or None.
    """
    if known is not None:
        return Step.DUPLICATE if known == digest else Step.FORK
    if head is None or claims.epoch != head.epoch:
        starts = claims.seq == 0 and claims.prev is None and claims.type == CHAIN_START
        return Step.NEW_EPOCH if starts else Step.UNKNOWN_EPOCH
    if claims.seq <= head.seq:
        return Step.GIVEN_UP
    if claims.seq > head.seq + 1:
        return Step.AHEAD
    return Step.ACCEPT if claims.prev == encode_base64url(head.digest) else Step.BROKEN


def bridge(head: Head, seq: int, gap: Gap) -> Head | None:
    """Return where the chain goes on after a signed gap, or None if this gap does not cover the record after our head.

    Args:
        head: End of the chain that is held.
        seq: Place of the gap report itself: it can only speak of records before it.
        gap: The report.
    """
    return _end(head.epoch, seq, gap) if gap.from_seq <= head.seq + 1 <= gap.to_seq else None


def anchor(claims: Claims, gap: Gap) -> Head | None:
    """Return where a chain can be taken up of which nothing is held, or None if this gap does not say so.

    Only the gateway's own signed word counts: everything from the beginning was delivered, to books that are not here. A record of the
    middle alone says nothing of what came before it.

    Args:
        claims: What the record with the gap states.
        gap: Its report.
    """
    from_the_beginning = gap.from_seq == 0 and gap.reason is GapReason.DELIVERED
    return _end(claims.epoch, claims.seq, gap) if from_the_beginning else None


def _end(epoch: str, seq: int, gap: Gap) -> Head | None:
    """Return the end of a gap as the end of a chain, or None if the gap contradicts itself."""
    if not gap.from_seq <= gap.to_seq < seq or gap.count != gap.to_seq - gap.from_seq + 1:
        return None
    try:
        return Head(epoch, gap.to_seq, decode_base64url(gap.last_hash.encode("ascii")))
    except MalformedEnvelopeError:
        return None
