"""Which key the chain of an outbox goes on with, and which ones signed it before: two notes, and how they are read and written.

Decides what is remembered. A key file that somebody exchanged by hand is noticed by the first note; envelopes that an older key signed
are recognised by the second when a damaged outbox is saved. Must never hold a private key.
"""

from collections.abc import Mapping

import msgspec

from agent.core.decoding import UnreadableError, decoded
from agent.log import line, logger
from buffer.outbox import Outbox
from buffer.wreck import Wreck
from evidence.errors import KeyInvalidError
from evidence.keys import PublicKey, Signer, public_from_jwk

KEY = "key"
"""The note with the thumbprint of the key that signs the next record."""

FORMER = "keys"
"""The note with the public keys that handed over, oldest first."""

MOST_FORMER = 16
"""As many as one note has room for. What waits longer than so many handovers is not recognised when its outbox is damaged."""

_log = logger("publish")


def expected(outbox: Outbox) -> str | None:
    """Return the thumbprint of the key that the chain goes on with, or None if the outbox is new.

    An outbox that was begun in the place of a damaged one goes by what that one knew.
    """
    noted = outbox.notes().get(KEY)
    if noted is None and outbox.damaged:
        noted = Wreck(outbox.path.with_name(outbox.damaged[0])).notes().get(KEY)
    return noted.decode("ascii", "replace") if noted else None


def signing(signer: Signer) -> dict[str, bytes]:
    """Return the note for a chain that begins under a key."""
    return {KEY: signer.kid.encode("ascii")}


def handed_over(notes: Mapping[str, bytes], old: Signer, new: Signer) -> dict[str, bytes]:
    """Return the notes for a chain that goes on under a new key.

    Args:
        notes: Those before.
        old: Signed until now.
        new: Signs from now on.
    """
    jwks = [key.jwk for key in former(notes) if key.kid != old.kid] + [old.public_jwk]
    return {**signing(new), FORMER: msgspec.json.encode(jwks[-MOST_FORMER:])}


def former(notes: Mapping[str, bytes]) -> list[PublicKey]:
    """Return the keys that handed over; what cannot be read is as good as none, and is said so."""
    try:
        return [public_from_jwk(jwk) for jwk in decoded(notes.get(FORMER, b"[]"), list[dict[str, str]])]
    except (UnreadableError, KeyInvalidError) as error:
        _log.error(line("note.unreadable", name=FORMER, why=str(error)))
        return []
