"""Handing a chain over from one key to the next, inside the chain.

Decides when a `key.rotate/1` is a genuine handover: the old key signs the record, and the new key signs a statement that names
exactly this place of this chain. So nobody can offer a key that he does not hold, and no handover can be moved elsewhere. Must
never accept a handover to the key that signs already, and never read the new key from anywhere but a record that has been verified.

Source: docs/report-format.md, keys; the statement cannot be mistaken for a JWS, because it holds line feeds.
"""

from evidence.claims import Claims
from evidence.errors import ForgedError, KeyInvalidError
from evidence.keys import PublicKey, Signer, public_from_jwk
from evidence.kinds import KeyRotate
from evidence.strict import decode_base64url, encode_base64url


def statement(*, iss: str, epoch: str, seq: int, old_kid: str, new_kid: str) -> bytes:
    r"""Return what the new key signs.

    >>> statement(iss="urn:nameplated:p:g", epoch="e", seq=7, old_kid="a", new_kid="b")
    b'nameplated key.rotate/1\nurn:nameplated:p:g\ne\n7\na\nb\n'
    """
    return "".join(f"{each}\n" for each in ("nameplated key.rotate/1", iss, epoch, seq, old_kid, new_kid)).encode("ascii")


def offer(new: Signer, *, iss: str, epoch: str, seq: int, old_kid: str) -> KeyRotate:
    """Return the body of the record in which the old key names a new one."""
    proof = new.sign(statement(iss=iss, epoch=epoch, seq=seq, old_kid=old_kid, new_kid=new.kid))
    return KeyRotate(new_jwk=new.public_jwk, proof=encode_base64url(proof))


def successor(claims: Claims, body: KeyRotate, kid: str) -> PublicKey:
    """Return the key that signs the chain from the next record on.

    Args:
        claims: Of a genuine record.
        body: Its body.
        kid: The key that signed it.

    Raises:
        KeyInvalidError: What it offers is no new key.
        MalformedEnvelopeError: The proof is not spelled the one accepted way.
        ForgedError: The new key did not sign for this place.
    """
    new = public_from_jwk(body.new_jwk)
    if new.kid == kid:
        raise KeyInvalidError("a key cannot hand over to itself")
    said = statement(iss=claims.iss, epoch=claims.epoch, seq=claims.seq, old_kid=kid, new_kid=new.kid)
    if not new.verify(decode_base64url(body.proof.encode("utf-8", "replace")), said):
        raise ForgedError(f"the key {new.kid} did not sign for its own coming")
    return new
