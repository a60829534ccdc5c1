"""What our own envelopes and notes state, read back out of the outbox.

Decides nothing; it reads. Never looks at a signature again: a row whose checksum holds is what was signed. Never for an envelope of
somebody else.
"""

from collections.abc import Mapping
from typing import TypeVar

from agent.core.decoding import UnreadableError, decoded
from agent.log import line, logger
from buffer.outbox import Parcel, Stored
from evidence import kinds
from evidence.claims import Claims
from evidence.errors import MalformedEnvelopeError
from evidence.strict import decode_base64url

_Form = TypeVar("_Form")

_log = logger("publish")


def claims_of(parcel: Stored | Parcel) -> Claims:
    """Read what an envelope of our own states. Its checksum held, so its signature is not looked at again.

    Raises:
        MalformedEnvelopeError: It is no envelope.
    """
    parts = parcel.token.split(b".")
    if len(parts) != 3:
        raise MalformedEnvelopeError("a token has three parts")
    try:
        return decoded(decode_base64url(parts[1]), Claims)
    except UnreadableError as problem:
        raise MalformedEnvelopeError(f"no claims: {problem}") from None


def gap_of(parcel: Stored | Parcel) -> kinds.Gap:
    """Read what a gap says.

    Raises:
        MalformedEnvelopeError: It is none.
    """
    body = kinds.decode_body(claims_of(parcel))
    if not isinstance(body, kinds.Gap):
        raise MalformedEnvelopeError("it is kept as a gap, and is none")
    return body


def span_of(parcel: Stored | Parcel) -> tuple[str, int, int]:
    """Return which stretch of which chain a gap covers: epoch, first and last sequence. Raises as `gap_of` does."""
    gap = gap_of(parcel)
    return parcel.epoch, gap.from_seq, gap.to_seq


def note(notes: Mapping[str, bytes], name: str, form: type[_Form]) -> _Form | None:
    """Read one of our own notes; one that cannot be read is as good as none, and is said so."""
    if name not in notes:
        return None
    try:
        return decoded(notes[name], form)
    except UnreadableError as error:
        _log.error(line("note.unreadable", name=name, why=str(error)))
        return None
