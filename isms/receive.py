"""Whether a message is a report for us, and what it means for the chain it belongs to.

Decides both in pure code, in the order of rising trust: the topic names who speaks, the key shows that he does, the claims show
that he means us, the chain shows where it belongs. Must never store, answer or forget anything: `intake` does. A genuine link
of a chain is kept even when its body is of a kind that is not known here: a body may be unreadable, a chain must not stop.

Source: docs/report-format.md, rules of the receiver.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from evidence.chain import Head, Step, follow
from evidence.claims import Claims, Stream
from evidence.envelope import Envelope, expect, unseal
from evidence.errors import EvidenceError, ForeignError, ForgedError, MalformedEnvelopeError, UnknownKeyError
from evidence.keys import PublicKey
from evidence.kinds import Body, ChainStart, Health, KeyRotate, StatusOffline, StatusOnline, decode_body
from evidence.rotation import successor
from evidence.topics import issuer, parse_topic
from evidence.trust import Handover


class Trust(Protocol):
    """Whose word counts: a `evidence.trust.Registry`."""

    def find(self, kid: str) -> PublicKey | None:
        """Return a key that may speak today, or None."""
        ...

    def issuer_of(self, kid: str) -> str:
        """Return the only gateway that a known key speaks for."""
        ...


@dataclass(frozen=True, slots=True)
class Report:
    """A genuine report that was meant for us.

    Attributes:
        claims: What it states.
        body: What it reports, or None if that cannot be read here.
        envelope: Its exact bytes.
        kid: The key that signed it.
    """

    claims: Claims
    body: Body | None
    envelope: Envelope
    kid: str


class ChainState(StrEnum):
    """Whether a chain is sound."""

    SOUND = "sound"
    FORKED = "forked"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What the receiver holds of one chain.

    Attributes:
        iss: The gateway.
        kid: The key it is signed with; empty where it was taken up in the middle and its next record will show it.
        head: Its end.
        state: Once it is not sound it is frozen: nothing is added, and nothing is receipted.
    """

    iss: str
    kid: str
    head: Head
    state: ChainState = ChainState.SOUND


class Verdict(StrEnum):
    """What is done with a record of the evidence stream."""

    ACCEPTED = "accepted"  # kept, and receipted
    REPEATED = "repeated"  # kept already: receipted again
    AHEAD = "ahead"  # its predecessors are missing: held for a while
    FORKED = "forked"  # kept as proof that two records claim one place; freezes the chain
    BROKEN = "broken"  # kept as proof that it does not continue the chain; freezes it
    FROZEN = "frozen"  # not kept: the chain is frozen, and the gateway keeps what has no receipt
    ORPHAN = "orphan"  # not kept: its chain was never begun here, or is closed
    GIVEN_UP = "given-up"  # not kept: a signed gap covers its place
    OTHER_KEY = "other-key"  # not kept: signed with another key than its chain, or with one that has handed over


KEPT: Final = frozenset({Verdict.ACCEPTED, Verdict.FORKED, Verdict.BROKEN})


def admit(topic: str, token: bytes, *, prefix: str, audience: str, trust: Trust) -> Report:
    """Open a message if it is a genuine report that came the right way.

    Args:
        topic: Where it arrived.
        token: What arrived.
        prefix: The operator's levels above our topics.
        audience: Who we are.
        trust: Whose word counts.

    Raises:
        EvidenceError: It is not; the class says why. Never anything else, whatever the bytes.
    """
    where = parse_topic(topic, prefix)
    if where is None:
        raise ForeignError("the topic is none of ours")
    plant, gateway, leaf = where
    claims, envelope, kid = unseal(token, trust.find)
    if trust.issuer_of(kid) != claims.iss:
        raise ForeignError(f"the key {kid} does not speak for {claims.iss}")
    expect(claims, issuer=issuer(plant, gateway), audience=audience)
    if claims.stream != leaf:
        raise ForeignError(f"a report of the stream {claims.stream} came by the topic {leaf}")
    return Report(claims, _body(claims), envelope, kid)


def judge(chain: Chain | None, report: Report, known: bytes | None, *, retired: bool = False, present: bool = False) -> Verdict:
    """Decide what a record of the evidence stream means for what is held of its gateway.

    Args:
        chain: The newest chain of that gateway, or None if there is none yet.
        report: The record.
        known: Digest of the record that is held at the same epoch and sequence, or None.
        retired: Whether the key that signed it has handed over to another. It can repeat what is held, and nothing else: not even
            cause a fork, or a key that was thrown away could freeze the chain of its heir.
        present: Whether the record's epoch is not that of the chain, and the one in which the gateway says that it is now. Then its
            beginning may have gone to books that are not these, and is asked for; a record of any other epoch may be a replay.
    """
    step = follow(chain.head if chain else None, report.claims, report.envelope.digest, known)
    sound = chain is None or chain.state is ChainState.SOUND
    if step is Step.DUPLICATE and sound:
        return Verdict.REPEATED
    if retired or (chain and report.kid != (chain.kid or report.kid) and report.claims.epoch == chain.head.epoch):
        return Verdict.OTHER_KEY
    if chain and not sound and not _starts_over(step, chain, report):
        return Verdict.FROZEN
    if step is Step.UNKNOWN_EPOCH and present:
        return Verdict.AHEAD
    return _VERDICTS[step]


_VERDICTS: Final[Mapping[Step, Verdict]] = {
    Step.ACCEPT: Verdict.ACCEPTED,
    Step.NEW_EPOCH: Verdict.ACCEPTED,
    Step.DUPLICATE: Verdict.REPEATED,
    Step.AHEAD: Verdict.AHEAD,
    Step.FORK: Verdict.FORKED,
    Step.BROKEN: Verdict.BROKEN,
    Step.UNKNOWN_EPOCH: Verdict.ORPHAN,
    Step.GIVEN_UP: Verdict.GIVEN_UP,
}


def handover(report: Report) -> Handover | None:
    """Return to which key a record hands its chain over, or None if it does not, or not in a way that counts."""
    if not isinstance(report.body, KeyRotate):
        return None
    try:
        new = successor(report.claims, report.body, report.kid)
    except EvidenceError:
        return None
    return Handover(iss=report.claims.iss, old_kid=report.kid, new=new)


def review(chain: Chain | None, start: ChainStart) -> str:
    """Return what a person should look into when a gateway begins a chain, or nothing if it is in order.

    The gateway's own word on where its last chain ended is compared with what is held of it.
    """
    if chain is None:
        return "" if start.previous is None else "it says that it had a chain before, of which nothing is held"
    if start.previous is None:
        return f"began anew ({start.reason}) without naming its chain {chain.head.epoch}"
    if (start.previous.epoch, start.previous.seq) != (chain.head.epoch, chain.head.seq):
        return f"says that its last chain ended at {start.previous.seq}; it is held up to {chain.head.seq}"
    return ""


def taken_up(head: Head) -> str:
    """Return what a person should look into when a chain is taken up in the middle."""
    return f"taken up after record {head.seq}: the gateway signed that all up to there was delivered, to books that are not these"


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """What a gateway last said of its own connection.

    Attributes:
        epoch: Its chain at that time.
        sess: Its broker session: it grows with every connection.
        online: Whether it is connected.
    """

    epoch: str
    sess: int
    online: bool


def notice(presence: Presence | None, claims: Claims, body: StatusOnline | StatusOffline) -> Presence | None:
    """Return the gateway's presence after a status, or None if the status is an old one.

    A will counts for its own session alone, and within a session offline is the last word: a retained or a replayed message
    changes nothing. A gateway that lost its counter of sessions has a new epoch too; that an epoch which was left before never
    comes back is the books' to know (`Books.is_left`).
    """
    online = isinstance(body, StatusOnline)
    after = Presence(epoch=claims.epoch, sess=body.sess, online=online)
    if presence is None:
        return after
    same_session = (presence.epoch, presence.sess) == (after.epoch, after.sess)
    if same_session:
        return after if presence.online or not online else None
    newer = presence.epoch != after.epoch or presence.sess < after.sess
    return after if online and newer else None


def reason_of(error: EvidenceError) -> str:
    """Return the short name under which a refusal is counted."""
    return _REASONS.get(type(error), "invalid")


_REASONS: Mapping[type[EvidenceError], str] = {
    MalformedEnvelopeError: "malformed",
    UnknownKeyError: "unknown-key",
    ForgedError: "forged",
    ForeignError: "foreign",
}


def _starts_over(step: Step, chain: Chain, report: Report) -> bool:
    """Return whether an operator has vouched for a fresh start: a new chain under another key than the frozen one."""
    return step in (Step.NEW_EPOCH, Step.UNKNOWN_EPOCH) and report.kid != chain.kid


def _body(claims: Claims) -> Body | None:
    """Read a body. In a chain one that cannot be read is no reason to refuse its record; elsewhere it is all there is.

    Raises:
        MalformedEnvelopeError: Outside the chain: it cannot be read, or belongs to another stream.
    """
    try:
        body = decode_body(claims)
    except MalformedEnvelopeError:
        if claims.stream is Stream.EVIDENCE:
            return None
        raise
    if _STREAMS.get(type(body), Stream.EVIDENCE) is claims.stream:
        return body
    if claims.stream is Stream.EVIDENCE:
        return None
    raise MalformedEnvelopeError(f"{claims.type} does not belong to the stream {claims.stream}")


_STREAMS: Mapping[type[Body], Stream] = {
    Health: Stream.HEALTH,
    StatusOnline: Stream.STATUS,
    StatusOffline: Stream.STATUS,
}
