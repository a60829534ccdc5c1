"""A key's fingerprint in words that two people can compare over the phone, whatever their language.

Decides the spelling: each 16 bits become one pronounceable word of five letters. Eight words are the first 128 bits of the
thumbprint; whoever wants a second key with the same words has as much work before him as with the key itself. Must never be
compared with anything but another fingerprint: words are for people, programs compare thumbprints.

Source: D. S. Wilkerson, "A Proposal for Proquints: Identifiers that are Readable, Spellable, and Pronounceable" (2009).
"""

from evidence.errors import KeyInvalidError, MalformedEnvelopeError
from evidence.strict import decode_base64url

_CONSONANTS = "bdfghjklmnprstvz"
_VOWELS = "aiou"
WORDS = 8


def words(kid: str) -> str:
    """Return the words of a thumbprint.

    Raises:
        KeyInvalidError: It is no thumbprint.

    >>> words("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
    'nagup-soruv-pokud-jijok-nodih-butub-sabid-lomof'
    """
    try:
        digest = decode_base64url(kid.encode("utf-8"))
    except MalformedEnvelopeError:
        digest = b""
    if len(digest) != 32:
        raise KeyInvalidError(f"{kid!r} is no thumbprint of 43 characters")
    return "-".join(_word(int.from_bytes(digest[2 * number : 2 * number + 2])) for number in range(WORDS))


def same_words(heard: str, kid: str) -> bool:
    """Return whether words that somebody read out are those of a thumbprint; case, spaces and dashes do not matter.

    >>> same_words("NAGUP soruv pokud jijok - nodih butub sabid lomof", "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
    True
    """
    return "".join(filter(str.isalnum, heard)).lower() == words(kid).replace("-", "")


def _word(bits: int) -> str:
    return (
        _CONSONANTS[bits >> 12]
        + _VOWELS[bits >> 10 & 3]
        + _CONSONANTS[bits >> 6 & 15]
        + _VOWELS[bits >> 4 & 3]
        + _CONSONANTS[bits & 15]
    )
