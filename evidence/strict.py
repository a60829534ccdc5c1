"""One spelling for everything: base64url and JSON in which two different texts never mean the same thing.

Decides which bytes count as well-formed. Must never repair anything: what is spelled oddly is refused, because a signature
covers bytes, and a second reader must not see another meaning in them.

Source: RFC 4648 section 5 (base64url) and 3.5 (canonical encoding), RFC 8259 section 4 (unique names), RFC 7515 section 2.
"""

import base64
import binascii
import json
from typing import Any, Final, NoReturn

import msgspec

from evidence.errors import MalformedEnvelopeError

_TO_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")


def encode_base64url(data: bytes) -> str:
    """Return base64url without padding.

    >>> encode_base64url(b"nameplate")
    'bmFtZXBsYXRl'
    """
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode_base64url(text: bytes) -> bytes:
    """Return the bytes behind unpadded base64url, if it is spelled the one canonical way.

    Python's decoder skips foreign characters and ignores spare bits, so several texts would decode to the same bytes.
    Encoding again and comparing closes both.

    Raises:
        MalformedEnvelopeError: Any other spelling.
    """
    try:
        data = binascii.a2b_base64(text.translate(_TO_STANDARD) + b"=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise MalformedEnvelopeError("a part is not base64url") from None
    if binascii.b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=") != text:
        raise MalformedEnvelopeError("a part is not canonical base64url")
    return data


def decode_json_object(data: bytes) -> dict[str, Any]:
    """Return the JSON object in `data`, refusing what two readers could read differently.

    Raises:
        MalformedEnvelopeError: Not UTF-8, not an object, a name that occurs twice at any depth, NaN or Infinity, or nesting
            beyond what a report needs.
    """
    try:
        value = _DECODER.decode(data.decode("utf-8"))
    except (ValueError, RecursionError) as problem:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise MalformedEnvelopeError(f"not JSON: {type(problem).__name__}") from None
    if not isinstance(value, dict):
        raise MalformedEnvelopeError("not a JSON object")
    return value


def require_one_meaning(data: bytes) -> None:
    """Check that `data` is a JSON object which no two readers could read differently.

    What we wrote ourselves is recognised quickly: text that is exactly what a value is written as names nothing twice, because a
    value cannot. Any other text is read slowly.

    Raises:
        MalformedEnvelopeError: As `decode_json_object`.
    """
    try:
        value = msgspec.json.decode(data)
        if isinstance(value, dict) and msgspec.json.encode(value) == data:
            return
    except (msgspec.MsgspecError, RecursionError, ValueError):
        pass
    decode_json_object(data)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object; a name that occurs twice has no single meaning."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise MalformedEnvelopeError("a JSON name occurs twice")
    return result


def _refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which are Python's, not JSON's."""
    raise MalformedEnvelopeError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant)
