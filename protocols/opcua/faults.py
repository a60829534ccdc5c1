"""Whose fault a failed visit is: asyncua's exceptions turned into the errors of `protocols.errors`.

Decides nothing but the name. Never swallows a guard violation, which passes through untouched.

asyncua decodes a server's bytes without checking them first, so a hostile answer surfaces as almost any builtin error;
`DECODING` lists those that its decoder was seen or can be expected to raise.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager

from asyncua.ua.status_codes import StatusCodes, get_name_and_doc
from asyncua.ua.uaerrors import UaError, UaStatusCodeError
from cryptography.exceptions import InvalidSignature

from protocols.errors import MalformedError, ReadError, RefusedError, SilentError, UntrustedError
from protocols.opcua.guard import BudgetSpentError, ReadOnlyViolationError

DECODING = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    InvalidSignature,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)
FAULTS = (UaError, OSError, *DECODING)  # everything that talking to a server can raise; time-outs are OSErrors

NO_SESSION_LEFT = frozenset({StatusCodes.BadTooManySessions, StatusCodes.BadMaxConnectionsReached})
LOGIN_REFUSALS = frozenset(
    {
        StatusCodes.BadIdentityTokenInvalid,
        StatusCodes.BadIdentityTokenRejected,
        StatusCodes.BadUserAccessDenied,
        StatusCodes.BadUserSignatureInvalid,
    }
)
OURS_TO_REFUSE = frozenset({StatusCodes.BadRequestTooLarge, StatusCodes.BadResponseTooLarge})
CERTIFICATES = frozenset(
    {
        StatusCodes.BadSecurityChecksFailed,
        StatusCodes.BadApplicationSignatureInvalid,
        StatusCodes.BadNoValidCertificates,
        *(getattr(StatusCodes, name) for name in dir(StatusCodes) if name.startswith("BadCertificate")),
    }
)


def blame(error: BaseException, fault: BaseException | None) -> ReadError:
    """Name a failure.

    Args:
        error: What was raised after the connection stood; one of `FAULTS`.
        fault: Why asyncua gave up the connection, if it did.
    """
    if isinstance(error, ReadOnlyViolationError):
        raise error
    match error:
        case UaStatusCodeError():
            return _by_status(error)
        case BudgetSpentError():
            return RefusedError(f"the visit ended early: {error}")
        case TimeoutError():
            return SilentError("the server accepted the connection and did not answer in time")
        case OSError() if fault is None:
            return RefusedError("the server closed the connection instead of answering")
        case _:
            return MalformedError(f"the server's answer breaks the protocol: {type(fault or error).__name__}")


@contextmanager
def forgiven() -> Iterator[None]:
    """For closing: whatever the server does then changes nothing. A guard violation is never forgiven."""
    try:
        yield
    except ReadOnlyViolationError:
        raise
    except FAULTS:
        pass


def refuses_the_user(error: UaStatusCodeError) -> bool:
    """Whether a server refused who wanted to log in, and not the request."""
    return int(error.code or 0) in LOGIN_REFUSALS


def status_name(code: int) -> str:
    """The standard's name of a status code."""
    name: str = get_name_and_doc(code)[0]
    return name


def _by_status(error: UaStatusCodeError) -> ReadError:
    code = int(error.code or 0)
    if code in OURS_TO_REFUSE:
        return MalformedError(f"the server's answer is larger than a visit may bring ({status_name(code)})")
    if code in NO_SESSION_LEFT:
        return RefusedError(f"the server has no session left for us: others hold all of them ({status_name(code)})")
    if code in CERTIFICATES:
        return UntrustedError(f"the server refused the secure channel or session ({status_name(code)})")
    return RefusedError(f"the server refused ({status_name(code)})")
