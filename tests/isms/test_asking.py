"""What is asked of a gateway: not at once, not too often, and nothing that has no form."""

from itertools import pairwise

from evidence.envelope import seal
from evidence.requests import RESPONSE, Outcome, Response
from isms.asking import FIRST_PAUSE_S, LONGEST_PAUSE_S, MOST_RECORDS, PATIENCE_S, Asker, read_response, republish, status
from isms.intake import Hole
from isms.receive import Presence
from tests.evidence.samples import AUDIENCE, EPOCH, Gateway, signer

GATEWAY = Gateway()
HOLE = Hole(GATEWAY.iss, EPOCH, 5, 9)
ONLINE = Presence(epoch=EPOCH, sess=3, online=True)


def test_a_hole_has_a_moment_to_close_by_itself_and_is_then_asked_for_ever_more_rarely() -> None:
    asker, now_s, asked_at = Asker(), 0.0, []
    while now_s < 4 * LONGEST_PAUSE_S:
        if asker.due([HOLE], now_s):
            asked_at.append(now_s)
        now_s += 1.0
    pauses = [later - earlier for earlier, later in pairwise(asked_at)]
    assert asked_at[0] == PATIENCE_S and pauses[0] == FIRST_PAUSE_S
    assert pauses == sorted(pauses) and pauses[-1] == LONGEST_PAUSE_S


def test_a_hole_that_became_smaller_has_its_moment_again() -> None:
    asker = Asker()
    assert not asker.due([HOLE], 0.0) and asker.due([HOLE], PATIENCE_S)
    assert not asker.due([HOLE._replace(from_seq=7)], PATIENCE_S + 1)
    assert asker.due([HOLE._replace(from_seq=7)], 2 * PATIENCE_S + 1)


def test_numbers_grow_although_the_clock_is_put_back() -> None:
    asker = Asker()
    assert [asker.number(now_ms) for now_ms in (1000, 400, 400, 2000)] == [1000, 1001, 1002, 2000]


def test_a_request_names_the_session_and_no_more_than_can_be_held() -> None:
    request = republish(HOLE._replace(to_seq=9_999), ONLINE, audience=AUDIENCE, number=7000)
    assert request and request.span
    assert (request.sess, request.n, request.span.to_seq) == (3, 7000, 5 + MOST_RECORDS - 1)
    assert status(GATEWAY.iss, ONLINE, audience=AUDIENCE, number=1).span is None


def test_a_gateway_that_is_away_is_not_asked() -> None:
    assert republish(HOLE, None, audience=AUDIENCE, number=1) is None
    assert republish(HOLE, Presence(epoch=EPOCH, sess=3, online=False), audience=AUDIENCE, number=1) is None


def test_a_response_counts_only_if_it_is_genuine_and_for_us() -> None:
    response = Response(
        v=1, iss=GATEWAY.iss, aud=AUDIENCE, epoch=EPOCH, sess=3, n=1, iat=0, name="status", outcome=Outcome.DONE, detail=""
    )
    token = seal(response, signer(), typ=RESPONSE).token

    def read(where: str, audience: str = AUDIENCE) -> Response | None:
        return read_response(where, token, prefix="", audience=audience, find_key=GATEWAY.trust.find)

    assert read(GATEWAY.topic("response")) == response
    assert read(GATEWAY.topic("status")) is None
    assert read(Gateway(gateway="gw-other").topic("response")) is None
    assert read(GATEWAY.topic("response"), "urn:isms:other") is None
