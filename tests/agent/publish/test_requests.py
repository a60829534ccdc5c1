"""Requests that count: the right key, this session, a number that was not used; and how many are looked at."""

import pytest

from agent.publish.requests import BURST, MAX_REQUEST_BYTES, ONE_EVERY_S, Desk
from evidence.envelope import REQUEST, Request, seal
from evidence.errors import EvidenceError, ForeignError, MalformedEnvelopeError, UnknownKeyError
from evidence.keys import FileSigner, public_from_jwk
from evidence.requests import Span
from tests.evidence.samples import AUDIENCE, EPOCH, Gateway, signer

ISMS = signer(b"\x0a" * 32)
GATEWAY = Gateway()
OTHER_EPOCH = "01890a5d-ac96-774b-bcce-ffffffffffff"


def desk(sess: int = 3) -> Desk:
    return Desk(receiver=public_from_jwk(ISMS.public_jwk), issuer=GATEWAY.iss, audience=AUDIENCE, epoch=EPOCH, sess=sess)


def request(by: FileSigner = ISMS, **changes: object) -> bytes:
    asked = {
        "v": 1,
        "iss": AUDIENCE,
        "aud": GATEWAY.iss,
        "epoch": EPOCH,
        "sess": 3,
        "n": 1,
        "iat": 0,
        "name": "status",
        "span": None,
    }
    return seal(Request(**(asked | changes)), by, typ=REQUEST).token


SPAN = Span(epoch=EPOCH, from_seq=0, to_seq=1)


def test_a_request_of_this_session_counts_once() -> None:
    counter = desk()
    assert counter.open("status", request()).n == 1
    for _ in range(2):
        with pytest.raises(ForeignError, match="before the last"):
            counter.open("status", request())
    assert counter.open("status", request(n=2)).n == 2


def test_what_was_recorded_is_worthless_in_every_later_session_without_any_clock() -> None:
    recorded = [request(n=number) for number in range(1, 5)]
    for sess in (4, 5, 60):
        for token in recorded:
            with pytest.raises(ForeignError, match="another session"):
                desk(sess).open("status", token)


@pytest.mark.parametrize(
    ("name", "token", "error"),
    [
        ("status", request(by=signer()), UnknownKeyError),
        ("status", request(aud="urn:nameplated:werk-ulm:gw-other"), ForeignError),
        ("status", request(iss="urn:isms:other"), ForeignError),
        ("status", request(epoch=OTHER_EPOCH), ForeignError),
        ("republish", request(), MalformedEnvelopeError),
        ("republish", request(name="republish"), MalformedEnvelopeError),
        ("status", request(span=SPAN), MalformedEnvelopeError),
        ("reboot", request(), MalformedEnvelopeError),
        ("status", b"", MalformedEnvelopeError),
        ("status", b"a" * (MAX_REQUEST_BYTES + 1), MalformedEnvelopeError),
        ("status", Gateway(seed=b"\x0a" * 32).online(3), MalformedEnvelopeError),
    ],
)
def test_what_does_not_count_is_refused_by_name_and_uses_no_number_up(
    name: str, token: bytes, error: type[EvidenceError]
) -> None:
    counter = desk()
    with pytest.raises(error):
        counter.open(name, token)
    assert counter.last == -1


def test_a_flood_is_not_looked_at() -> None:
    counter = desk()
    assert sum(counter.has_time(10.0) for _ in range(1000)) == BURST
    assert [counter.has_time(10.0 + ONE_EVERY_S * number / 2) for number in range(1, 5)] == [False, True, False, True]
