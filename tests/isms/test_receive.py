"""What the receiver believes: the right key, by the right topic, for the right receiver; and whose last word counts."""

import pytest

from evidence.envelope import seal
from evidence.errors import EvidenceError, ForeignError, ForgedError, MalformedEnvelopeError, TrustInvalidError, UnknownKeyError
from evidence.kinds import Delivery, StatusOffline, StatusOnline
from evidence.topics import topic
from evidence.trust import Registry
from isms.receive import Presence, Report, admit, notice, reason_of
from tests.evidence.samples import AT, AUDIENCE, EPOCH, Gateway, asset, event, signer

GATEWAY = Gateway()
TOKEN = GATEWAY.report(asset()).token
OTHER_EPOCH = "01890a5d-ac96-774b-bcce-ffffffffffff"


def opened(token: bytes = TOKEN, *, where: str | None = None, audience: str = AUDIENCE, trust: Registry | None = None) -> Report:
    return admit(where or GATEWAY.topic(), token, prefix="", audience=audience, trust=trust or GATEWAY.trust)


def test_a_report_that_came_the_right_way_is_admitted() -> None:
    assert opened().body == asset()


def test_a_report_with_the_operators_prefix_is_admitted_only_there() -> None:
    where = topic("acme", GATEWAY.plant, GATEWAY.gateway, "evidence")
    assert admit(where, TOKEN, prefix="acme", audience=AUDIENCE, trust=GATEWAY.trust).claims.seq == 0
    with pytest.raises(ForeignError):
        opened(where=where)


@pytest.mark.parametrize(
    "where", ["", "nameplated/v1/werk-ulm/gw-other/evidence", "nameplated/v1/werk-ulm/gw-halle3/health", "x"]
)
def test_a_report_that_came_by_another_topic_is_foreign(where: str) -> None:
    with pytest.raises(ForeignError):
        opened(where=where or "/")


def test_a_report_for_another_receiver_is_foreign() -> None:
    with pytest.raises(ForeignError):
        opened(audience="urn:isms:other")


def test_a_key_that_is_trusted_for_another_gateway_is_foreign() -> None:
    with pytest.raises(ForeignError):
        opened(trust=Registry().with_key(GATEWAY.public, "urn:nameplated:werk-ulm:gw-other"))


def test_a_revoked_key_is_unknown() -> None:
    with pytest.raises(UnknownKeyError):
        opened(trust=GATEWAY.trust.without_key(GATEWAY.public.kid))


def test_a_body_of_another_stream_is_no_word_on_this_one() -> None:
    from evidence.chain import Link
    from evidence.claims import Stream

    claims = GATEWAY.claims(event(), stream=Stream.STATUS, link=Link(EPOCH, 1, None))
    with pytest.raises(MalformedEnvelopeError, match="does not belong"):
        opened(seal(claims, signer()).token, where=GATEWAY.topic("status"))


def said(body: StatusOnline | StatusOffline, presence: Presence | None, epoch: str = EPOCH) -> Presence | None:
    return notice(presence, Gateway(epoch=epoch).claims(body), body)


def online(sess: int) -> StatusOnline:
    return StatusOnline(sess=sess, at=AT, agent_version="0.1.0", delivery=Delivery.CONFIRMED)


def present(sess: int, *, is_online: bool = True, epoch: str = EPOCH) -> Presence:
    return Presence(epoch=epoch, sess=sess, online=is_online)


@pytest.mark.parametrize(
    ("before", "body", "after"),
    [
        (None, online(3), present(3)),
        (None, StatusOffline(sess=3), present(3, is_online=False)),
        (present(3), online(4), present(4)),
        (present(3), online(3), present(3)),  # the broker's retained copy
        (present(3), StatusOffline(sess=3), present(3, is_online=False)),
        (present(3), StatusOffline(sess=2), None),  # the will of an earlier connection comes late
        (present(3), StatusOffline(sess=4), None),  # a session that was never seen to begin
        (present(3), online(2), None),
        (present(3, is_online=False), online(3), None),
        (present(3, is_online=False), online(4), present(4)),
    ],
)
def test_the_last_word_of_the_newest_session_counts(
    before: Presence | None, body: StatusOnline | StatusOffline, after: Presence | None
) -> None:
    assert said(body, before) == after


def test_a_gateway_that_lost_its_counter_is_heard_again_by_its_new_chain() -> None:
    assert said(online(1), present(90), OTHER_EPOCH) == present(1, epoch=OTHER_EPOCH)
    assert said(StatusOffline(sess=1), present(90), OTHER_EPOCH) is None


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MalformedEnvelopeError("x"), "malformed"),
        (UnknownKeyError("x"), "unknown-key"),
        (ForgedError("x"), "forged"),
        (ForeignError("x"), "foreign"),
        (TrustInvalidError("x"), "invalid"),
    ],
)
def test_every_refusal_has_a_short_name(error: EvidenceError, reason: str) -> None:
    assert reason_of(error) == reason
