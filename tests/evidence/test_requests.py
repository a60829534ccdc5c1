"""Requests and responses: one form, and one type of envelope each."""

import pytest

from evidence.envelope import RECEIPT, REQUEST, RESPONSE, Receipt, Request, Response, seal, unseal
from evidence.errors import MalformedEnvelopeError
from evidence.requests import Outcome, Span
from tests.evidence.samples import AUDIENCE, EPOCH, Gateway, signer

GATEWAY = Gateway()
REQUESTED = Request(
    v=1,
    iss=AUDIENCE,
    aud=GATEWAY.iss,
    epoch=EPOCH,
    sess=3,
    n=1,
    iat=0,
    name="republish",
    span=Span(epoch=EPOCH, from_seq=1, to_seq=2),
)
ANSWERED = Response(
    v=1, iss=GATEWAY.iss, aud=AUDIENCE, epoch=EPOCH, sess=3, n=1, iat=0, name="republish", outcome=Outcome.DONE, detail=""
)


@pytest.mark.parametrize(("claims", "typ", "form"), [(REQUESTED, REQUEST, Request), (ANSWERED, RESPONSE, Response)])
def test_each_opens_as_what_it_is_and_as_nothing_else(claims: Request | Response, typ: str, form: type) -> None:
    token = seal(claims, signer(), typ=typ).token
    assert unseal(token, GATEWAY.trust.find, typ=typ, as_type=form).claims == claims
    for other, wrong in ((RECEIPT, Receipt), (RESPONSE, Request), (REQUEST, Response)):
        if (other, wrong) != (typ, form):
            with pytest.raises(MalformedEnvelopeError):
                unseal(token, GATEWAY.trust.find, typ=other, as_type=wrong)


def test_nothing_can_be_asked_that_has_no_form() -> None:
    import msgspec

    with pytest.raises(MalformedEnvelopeError):
        seal(msgspec.structs.replace(REQUESTED, name="reboot"), signer(), typ=REQUEST)
