"""What the gateway says of itself: whatever is to be told, there is a letter that a receiver takes, or none, and never an end."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.core.vitals import Vitals
from agent.publish.survey import MOST_ENDPOINTS, survey
from agent.publish.voice import Topics, Voice
from evidence import kinds
from evidence.envelope import RESPONSE, Request, Response, unseal
from evidence.keys import public_from_jwk
from evidence.requests import Outcome
from evidence.topics import of_gateway
from tests.agent.core.looks import moment
from tests.agent.publish.chains import AUDIENCE, EPOCH, ISSUER, author
from tests.agent.publish.test_spool import open_spool
from tests.agent.publish.test_survey import asset

STATUS = Request(v=1, iss=AUDIENCE, aud=ISSUER, epoch=EPOCH, sess=1, n=1, iat=0, name="status", span=None)


@pytest.fixture
def voice(tmp_path: Path) -> Iterator[Voice]:
    writer = author(tmp_path)
    spool = open_spool(tmp_path, writer)
    yield Voice(
        author=writer,
        spool=spool,
        topics=Topics(**of_gateway("", "werk-ulm", "gw-halle3")),
        agent_version="0",
        delivery=kinds.Delivery.CONFIRMED,
        clock=moment,
        started=moment(),
        vitals=lambda now: Vitals(at=now.text),
    )
    spool.outbox.close()


def answered(voice: Voice) -> Response:
    key = public_from_jwk(voice.author.signer.public_jwk)
    payload = voice.response(STATUS, Outcome.DONE, "", b"").payload
    return unseal(payload, lambda _: key, typ=RESPONSE, as_type=Response).claims


def test_report_that_no_receiver_would_take_is_not_written_and_the_request_for_it_is_answered_without(
    voice: Voice, caplog: pytest.LogCaptureFixture
) -> None:
    assert voice.health(1, 1) is not None
    voice.spool.facts.outcomes = {"x" * 100: 1}
    with caplog.at_level(logging.ERROR):
        assert voice.health(1, 2) is None
    assert "health.unwritable" in caplog.text
    assert (answered(voice).outcome, answered(voice).health) == (Outcome.DONE, None)


def test_answer_has_room_for_the_health_of_a_large_plant(voice: Voice) -> None:
    voice.spool.facts.take(survey(asset(f"{'hall-3-line-2-conveyor-' * 4}{number}") for number in range(300)), moment())
    health = answered(voice).health
    assert health is not None and len(health.endpoints) == MOST_ENDPOINTS
    assert voice.health(1, 1) is not None
