"""Whose fault it was: each exception of asyncua has one name, and a guard violation keeps its own."""

import struct

import pytest
from asyncua import ua

from protocols.contract import Outcome
from protocols.opcua.faults import blame, forgiven, refuses_the_user
from protocols.opcua.guard import BudgetSpentError, ReadOnlyViolationError


def status(name: str) -> ua.UaStatusCodeError:
    return ua.UaStatusCodeError(getattr(ua.StatusCodes, name))


@pytest.mark.parametrize(
    ("error", "fault", "outcome"),
    [
        (TimeoutError(), None, Outcome.SILENT),
        (ConnectionError("connection lost"), None, Outcome.REFUSED),
        (ConnectionResetError(), None, Outcome.REFUSED),
        (ConnectionError("connection lost"), struct.error("short"), Outcome.MALFORMED),
        (ConnectionError("connection lost"), MemoryError(), Outcome.MALFORMED),
        (status("BadTooManySessions"), None, Outcome.REFUSED),
        (status("BadSecurityChecksFailed"), None, Outcome.UNTRUSTED),
        (status("BadCertificateUntrusted"), None, Outcome.UNTRUSTED),
        (status("BadCertificateUriInvalid"), None, Outcome.UNTRUSTED),
        (status("BadRequestTooLarge"), None, Outcome.MALFORMED),
        (ua.UaError("odd"), None, Outcome.MALFORMED),
        (BudgetSpentError("spent"), None, Outcome.REFUSED),
        (RecursionError(), None, Outcome.MALFORMED),
        (AssertionError(), None, Outcome.MALFORMED),
    ],
)
def test_error_gets_its_name(error: Exception, fault: Exception | None, outcome: Outcome) -> None:
    assert blame(error, fault).outcome is outcome


def test_status_is_named_as_the_standard_names_it() -> None:
    assert "BadTooManySessions" in str(blame(status("BadTooManySessions"), None))


def test_full_server_is_told_from_one_that_says_no() -> None:
    assert "no session left" in str(blame(status("BadMaxConnectionsReached"), None))
    assert "no session left" not in str(blame(status("BadServiceUnsupported"), None))


@pytest.mark.parametrize(
    ("name", "user"), [("BadUserAccessDenied", True), ("BadIdentityTokenRejected", True), ("BadTooManySessions", False)]
)
def test_refusal_of_a_user_is_told_from_that_of_a_request(name: str, user: bool) -> None:
    assert refuses_the_user(status(name)) is user


def test_unknown_status_is_a_refusal_with_its_number() -> None:
    error = blame(ua.UaStatusCodeError(0x8FFF0000), None)
    assert error.outcome is Outcome.REFUSED


def test_guard_violation_is_neither_renamed_nor_forgiven() -> None:
    with pytest.raises(ReadOnlyViolationError):
        blame(ReadOnlyViolationError("x"), None)
    with pytest.raises(ReadOnlyViolationError), forgiven():
        raise ReadOnlyViolationError("x")


def test_closing_forgives_what_a_server_does() -> None:
    with forgiven():
        raise ConnectionResetError
