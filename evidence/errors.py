"""Why evidence cannot be made or is not believed: who is to blame, in one sentence that says what to do.

Decides nothing; it names. Opening foreign bytes raises one of the lower four and never anything else.

    EvidenceError                   (abstract)
    ├── KeyMissingError             the operator: there is no key to sign or to verify with.
    ├── KeyExposedError             the operator: others can read the private key. It signs nothing until that is mended.
    ├── KeyInvalidError             the operator: the file holds something else than the key that belongs there.
    ├── KeyExistsError              the operator: a key is there already, and no key is ever overwritten.
    ├── TrustInvalidError           the operator: the trust file is not what it should be. Nobody is trusted meanwhile.
    ├── MalformedEnvelopeError      the sender: not an envelope, or not in the one form that is accepted.
    ├── UnknownKeyError             the sender: signed by a key that is not trusted, or no longer.
    ├── ForgedError                 the sender: the signature does not belong to these bytes and this key.
    └── ForeignError                the sender: genuine, but not from here, not for us, or not for this topic.
"""


class EvidenceError(Exception):
    """Evidence was not made or not believed. Abstract: raise one that says why."""

    def __init__(self, detail: str) -> None:
        if type(self) is EvidenceError:
            raise TypeError("EvidenceError is abstract; raise the error that says who is to blame")
        super().__init__(detail)


class KeyMissingError(EvidenceError):
    """There is no key file, or this process may not read it."""


class KeyExposedError(EvidenceError):
    """A private key can be read by others than its owner."""


class KeyInvalidError(EvidenceError):
    """A key file, or a public key, is not what it should be."""


class KeyExistsError(EvidenceError):
    """A key is already there. It is never overwritten: what it signed would lose its proof."""


class TrustInvalidError(EvidenceError):
    """The trust file cannot be believed as a whole, so nobody in it is."""


class MalformedEnvelopeError(EvidenceError):
    """Not an envelope, or not in the one form that is accepted."""


class UnknownKeyError(EvidenceError):
    """Signed by a key that is not trusted."""


class ForgedError(EvidenceError):
    """The signature does not belong to these bytes and this key."""


class ForeignError(EvidenceError):
    """A genuine envelope in the wrong place: another issuer, audience or topic."""
