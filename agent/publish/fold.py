"""The fold: journal records become signed envelopes, the next links of one chain.

Decides what each record says to the outside and where it stands in the chain. Never writes: envelopes, chain head and
watermark leave here together, and the caller stores them in one transaction or not at all. Never skips silently: what cannot
be read becomes an event that says so.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from agent.core.change import Change
from agent.core.decoding import UnreadableError, decoded
from agent.core.moment import Moment
from agent.core.observation import Event, Observation
from agent.core.silence import Silence
from buffer.outbox import Parcel
from buffer.record import Damaged, Record
from evidence import kinds
from evidence.envelope import Claims, ClockState, Envelope, Stream, hash_text, seal
from evidence.errors import MalformedEnvelopeError
from evidence.keys import Signer

LARGEST_PAYLOAD_BYTES = 180_000
"""What still fits into a token of 256 KiB once it is written in base64url."""


class Chain(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the evidence chain ends.

    Attributes:
        epoch: UUID of this chain.
        seq: Sequence of the newest record; -1 before the first.
        head: `hash_text` of the newest record, or None before the first.
    """

    epoch: str
    seq: int = -1
    head: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who signs, and for whom.

    Attributes:
        issuer: The gateway's name.
        audience: The receiver's name.
        signer: The gateway's key.
    """

    issuer: str
    audience: str
    signer: Signer

    def write(self, body: kinds.Body, *, stream: Stream, chain: Chain, seq: int, prev: str | None, now: Moment) -> Envelope:
        """Sign one report.

        Raises:
            MalformedEnvelopeError: It is larger than an envelope may be, or breaks its own schema.
        """
        type_name, encoded = kinds.encode_body(body)
        claims = Claims(
            v=1,
            iss=self.issuer,
            aud=self.audience,
            stream=stream,
            epoch=chain.epoch,
            seq=seq,
            prev=prev,
            iat=max(0, int(now.at_s)),
            clk=ClockState(now.clock.value),
            boot=now.boot,
            up=int(now.up_s),
            type=type_name,
            body=encoded,
        )
        return seal(claims, self.signer, max_payload_bytes=LARGEST_PAYLOAD_BYTES)


@dataclass(frozen=True, slots=True)
class Draft:
    """A report before it is signed."""

    subject: str
    body: kinds.Body


def extend(chain: Chain, drafts: Iterable[Draft], *, author: Author, now: Moment) -> tuple[Chain, list[Parcel]]:
    """Sign drafts as the next records of a chain, in order."""
    parcels: list[Parcel] = []
    for draft in drafts:
        chain, parcel = _link(chain, draft, author=author, now=now)
        parcels.append(parcel)
    return chain, parcels


def _link(chain: Chain, draft: Draft, *, author: Author, now: Moment) -> tuple[Chain, Parcel]:
    """Sign one draft. One that is too large for an envelope is replaced by an event that says so."""
    seq = chain.seq + 1
    try:
        envelope = author.write(draft.body, stream=Stream.EVIDENCE, chain=chain, seq=seq, prev=chain.head, now=now)
    except MalformedEnvelopeError as error:
        draft = unreadable(draft.subject, f"a report that cannot be signed: {error}", now)
        envelope = author.write(draft.body, stream=Stream.EVIDENCE, chain=chain, seq=seq, prev=chain.head, now=now)
    parcel = Parcel(
        epoch=chain.epoch,
        seq=seq,
        kind=kinds.type_name(draft.body),
        subject=draft.subject,
        at=now.text,
        token=envelope.token,
        digest=envelope.digest,
    )
    return Chain(epoch=chain.epoch, seq=seq, head=hash_text(envelope.digest)), parcel


def drafts(records: Sequence[Record | Damaged], now: Moment, *, after: int = 0, after_at: str | None = None) -> list[Draft]:
    """Say to the outside what each journal record says.

    Every record becomes exactly one draft, and so does every jump of the sequence: what was written down there is gone.

    Args:
        records: What was read.
        now: When.
        after: The sequence up to which nothing is missed: folded last, or trimmed; 0 at the beginning of a journal.
        after_at: When that record was written down.
    """
    found: list[Draft] = []
    for record in records:
        if record.seq > after + 1:
            found.append(_lost(record, record.seq - after - 1, after_at, now))
        found.append(_draft(record, now))
        after, after_at = record.seq, record.at if isinstance(record, Record) else after_at
    return found


def _lost(record: Record | Damaged, count: int, since: str | None, now: Moment) -> Draft:
    """Confess records that were gone before they could be folded."""
    until = record.at if isinstance(record, Record) else now.text
    silence = kinds.Silence(
        asset_id=None,
        since=since or until,
        until=until,
        lasted_s=0.0,
        clock=ClockState.UNSYNC,
        reason=kinds.SilenceReason.LOST,
        records=count,
        detail=f"journal records {record.seq - count} to {record.seq - 1} were gone before they could be folded",
    )
    return Draft("lost", silence)


def unreadable(subject: str, detail: str, now: Moment) -> Draft:
    """Confess something that was on record and cannot be reported."""
    return Draft(subject, kinds.Event(name="record.unreadable", at=now.text, subject=subject[:128], detail=detail[:1024]))


def unprovable(detail: str, now: Moment) -> Draft:
    """Confess signed records that nobody will ever be able to place."""
    return Draft("gateway", kinds.Event(name="records.unprovable", at=now.text, subject="gateway", detail=detail))


def _draft(record: Record | Damaged, now: Moment) -> Draft:
    if isinstance(record, Damaged):
        return unreadable("journal", f"journal record {record.seq}: {record.reason}", now)
    try:
        return Draft(record.subject, _body(record))
    except (UnreadableError, msgspec.MsgspecError) as error:  # no document, or none that a report may repeat
        return unreadable(record.subject, f"journal record {record.seq}: {error}", now)


def _body(record: Record) -> kinds.Body:
    """Decode a record strictly and give it the form of a report."""
    match record.kind:
        case "observation":
            return _asset(decoded(record.body, Observation))
        case "change":
            return _change(decoded(record.body, Change))
        case "silence":
            return msgspec.convert(msgspec.to_builtins(decoded(record.body, Silence)), kinds.Silence)
        case "event":
            event = decoded(record.body, Event)
            return kinds.Event(name=event.name, at=event.at, subject=event.subject, detail=event.detail)
        case other:
            raise UnreadableError(f"a kind of record that this version does not know: {other!r}")


def _asset(look: Observation) -> kinds.Asset:
    """An observation as a report; the same fields, with the plant file's beside them."""
    return msgspec.convert(_fields(look) | msgspec.to_builtins(look.register), kinds.Asset)


def _change(change: Change) -> kinds.Change:
    return msgspec.convert(_fields(change), kinds.Change)


def _fields(document: Observation | Change) -> dict[str, Any]:
    """A document's fields, its clocks reduced to how far its time may be believed."""
    fields: dict[str, Any] = msgspec.to_builtins(document)
    fields.pop("moment")
    fields.pop("register", None)
    return fields | {"clock": document.moment.clock.value}
