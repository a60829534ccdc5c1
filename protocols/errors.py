"""Why a reading failed: who is to blame, and what happens next.

Decides nothing; it names. Errors live inside `protocols`: a reader turns every one but `ForbiddenRequestError` into an
`Outcome`, so what leaves the package is an answer.

    ReadError               (abstract)
    ├── UnreachableError    the network: no connection. Back off.
    ├── SilentError         the device: connected, no answer in time. Back off.
    ├── RefusedError        the device: it said no, or hung up. Remember; do not ask that again soon.
    ├── MalformedError      the device: its answer breaks the standard. Count it, keep the bytes.
    └── UntrustedError      the operator: a certificate or a credential is missing or not trusted. Say how to mend it.
    ForbiddenRequestError   us: a request outside the read-only allow-list. Stops the role.
"""

from protocols.contract import Outcome


class ReadError(Exception):
    """One look at a device failed. Abstract: raise one that says why.

    Attributes:
        outcome: The name that the failure has outside of `protocols`.
    """

    outcome: Outcome

    def __init__(self, detail: str) -> None:
        if type(self) is ReadError:
            raise TypeError("ReadError is abstract; raise the error that says who is to blame")
        super().__init__(detail)


class UnreachableError(ReadError):
    """No connection could be made within its time."""

    outcome = Outcome.UNREACHABLE


class SilentError(ReadError):
    """The connection stands, and no answer came in time."""

    outcome = Outcome.SILENT


class RefusedError(ReadError):
    """The device refused the request, or closed the connection instead of answering."""

    outcome = Outcome.REFUSED


class MalformedError(ReadError):
    """The device answered something that its standard does not allow."""

    outcome = Outcome.MALFORMED


class UntrustedError(ReadError):
    """A certificate is not trusted yet, the device's by us or ours by the device; or a credential cannot be used."""

    outcome = Outcome.UNTRUSTED


class ForbiddenRequestError(RuntimeError):
    """A request outside the read-only allow-list was about to be sent. A bug of ours; nothing was sent.

    Deliberately no `OSError` and no `ReadError`: libraries swallow or retry the first, readers translate the second.
    """
