"""Signing a report, and the only way to open one.

Decides which bytes are a genuine envelope: JWS Compact, one algorithm, three header members, one spelling. Verifies the bytes
as they came and parses those same bytes afterwards; nothing is ever serialised a second time. Must never raise anything but an
`EvidenceError` for foreign bytes, and never look at a payload before its signature holds.

The order of `unseal` is the order of rising trust: size, spelling, header, key, signature, payload. What a genuine envelope
states (issuer, audience, place in the chain) is judged by others.

Source: RFC 7515 (JWS) section 3.1 and 5.2, RFC 9864 (`Ed25519`), RFC 8725 (JSON Web Token Best Current Practices).
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Generic, Literal, NamedTuple, TypeVar, overload

import msgspec

from evidence.claims import Claims, ClockState, Hash, Receipt, Stream
from evidence.errors import ForeignError, ForgedError, MalformedEnvelopeError, UnknownKeyError
from evidence.keys import PublicKey, Signer
from evidence.requests import RESPONSE, Request, Response
from evidence.strict import decode_base64url, encode_base64url, require_one_meaning

__all__ = [
    "MAX_PAYLOAD_BYTES",
    "MAX_TOKEN_BYTES",
    "RECEIPT",
    "REPORT",
    "REQUEST",
    "RESPONSE",
    "Claims",
    "ClockState",
    "Envelope",
    "FindKey",
    "Opened",
    "Receipt",
    "Request",
    "Response",
    "Stream",
    "expect",
    "hash_text",
    "seal",
    "unseal",
]

REPORT: Final = "nameplated-report+jwt"
RECEIPT: Final = "nameplated-receipt+jwt"
REQUEST: Final = "nameplated-request+jwt"

MAX_TOKEN_BYTES: Final = 262_144  # nothing longer is looked at
MAX_HEADER_BYTES: Final = 512  # of its spelling; three short members
MAX_PAYLOAD_BYTES: Final = 65_536  # nothing longer is signed, unless the caller says so

FindKey = Callable[[str], PublicKey | None]
"""Returns the trusted key of a thumbprint, or None."""

Statement = Claims | Receipt | Request | Response
"""What can be signed."""

T = TypeVar("T", bound=msgspec.Struct)


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole header: a member more would be a way to say something that is not in the signed payload."""

    alg: Literal["Ed25519"]
    typ: str
    kid: Hash


@dataclass(frozen=True, slots=True)
class Envelope:
    """A signed report, immutable: stored, sent and sent again as the same bytes.

    Attributes:
        token: The compact JWS.
        digest: SHA-256 of its signing input, 32 bytes. The signature is left out, so the chain does not depend on its spelling.
    """

    token: bytes
    digest: bytes


class Opened(NamedTuple, Generic[T]):
    """What came out of a genuine envelope."""

    claims: T
    envelope: Envelope
    kid: str


def hash_text(digest: bytes) -> str:
    """Return a digest as it is written in `prev` and `head`."""
    return encode_base64url(digest)


def seal(claims: Statement, signer: Signer, *, typ: str = REPORT, max_payload_bytes: int = MAX_PAYLOAD_BYTES) -> Envelope:
    """Sign claims once; what comes back is what is stored and sent.

    Args:
        claims: What to sign.
        signer: Whose word it is.
        typ: What the envelope is for: `REPORT`, `RECEIPT`, `REQUEST` or `RESPONSE`.
        max_payload_bytes: Bound on the payload; the token is bounded by `MAX_TOKEN_BYTES` in any case.

    Raises:
        MalformedEnvelopeError: The claims break their own rules or bounds. Nothing that we would refuse is ever signed.
    """
    payload = msgspec.json.encode(claims)
    _parse(payload, type(claims))
    if len(payload) > max_payload_bytes:
        raise MalformedEnvelopeError(f"the payload has {len(payload)} bytes, more than {max_payload_bytes}")
    header = msgspec.json.encode(_Header("Ed25519", typ, signer.kid))
    signing_input = f"{encode_base64url(header)}.{encode_base64url(payload)}".encode("ascii")
    token = signing_input + b"." + encode_base64url(signer.sign(signing_input)).encode("ascii")
    if len(token) > MAX_TOKEN_BYTES:
        raise MalformedEnvelopeError(f"the token has {len(token)} bytes, more than {MAX_TOKEN_BYTES}")
    return Envelope(token, hashlib.sha256(signing_input).digest())


@overload
def unseal(token: bytes, find_key: FindKey, *, typ: str = REPORT) -> Opened[Claims]: ...


@overload
def unseal(token: bytes, find_key: FindKey, *, typ: str = REPORT, as_type: type[T]) -> Opened[T]: ...


def unseal(token: bytes, find_key: FindKey, *, typ: str = REPORT, as_type: type[Any] = Claims) -> Opened[Any]:
    """Open a token: check everything about it that can be checked without knowing what came before.

    Args:
        token: Any bytes.
        find_key: Returns the trusted key of that thumbprint, or None.
        typ: What the envelope must be for.
        as_type: What its payload must be.

    Raises:
        MalformedEnvelopeError: Not an envelope in the one accepted form.
        UnknownKeyError: Signed by nobody we know.
        ForgedError: The signature does not hold.
    """
    signing_input, header, payload, signature = _split(token)
    fields = _header(header)
    if fields.typ != typ:
        raise MalformedEnvelopeError(f"the envelope is not a {typ}")
    key = find_key(fields.kid)
    if key is None:
        raise UnknownKeyError(f"the key {fields.kid} is not trusted here")
    if not key.verify(signature, signing_input):
        raise ForgedError(f"the signature of key {fields.kid} does not fit: altered since, or signed by somebody else")
    return Opened(_parse(payload, as_type), Envelope(token, hashlib.sha256(signing_input).digest()), fields.kid)


def expect(claims: Statement, *, issuer: str, audience: str) -> None:
    """Check that a genuine envelope was meant for this place.

    Args:
        claims: What came out of it.
        issuer: Who must have made it: the owner of its key, and of the topic it came by.
        audience: Who it must be for.

    Raises:
        ForeignError: It was made by or for somebody else.
    """
    if claims.iss != issuer:
        raise ForeignError(f"it speaks for {claims.iss}, but came from {issuer}")
    if claims.aud != audience:
        raise ForeignError(f"it is for {claims.aud}, not for {audience}")


def _split(token: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """Return signing input, header (as it is spelled), payload and signature of a token in the one accepted spelling."""
    if len(token) > MAX_TOKEN_BYTES:
        raise MalformedEnvelopeError(f"the token has {len(token)} bytes, more than {MAX_TOKEN_BYTES}")
    parts = token.split(b".", 3)
    if len(parts) != 3:
        raise MalformedEnvelopeError("a token has three parts")
    header, payload, signature = parts
    signing_input = token[: len(header) + 1 + len(payload)]
    return signing_input, header, decode_base64url(payload), decode_base64url(signature)


@lru_cache(maxsize=4096)  # a key writes one header for each type: reading it again for each of its reports would tell nothing new
def _header(spelled: bytes) -> _Header:
    """Read a header from its spelling.

    Raises:
        MalformedEnvelopeError: It is not one in the one accepted form.
    """
    if len(spelled) > MAX_HEADER_BYTES:
        raise MalformedEnvelopeError("the header is longer than any")
    return _parse(decode_base64url(spelled), _Header)


def _parse(data: bytes, as_type: type[T]) -> T:
    """Read JSON twice: once for what two readers could read differently, once for exactly the form we want."""
    require_one_meaning(data)
    try:
        return msgspec.json.decode(data, type=as_type)
    except (msgspec.MsgspecError, RecursionError) as problem:
        raise MalformedEnvelopeError(f"not a {as_type.__name__.strip('_').lower()}: {problem}") from None
