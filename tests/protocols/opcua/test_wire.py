"""What a child may say: an answer of ours comes back whole, anything larger, deeper or stranger is refused."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.contract import (
    Answer,
    Ask,
    Child,
    Component,
    Confidence,
    Endpoint,
    Fact,
    Field,
    Ledger,
    Limits,
    Outcome,
    Transport,
)
from protocols.opcua.wire import BoundsError, Job, decode_answer, decode_job, encode_answer, encode_job

FACT = Fact(field=Field.SERIAL_NUMBER, value="S1", source="i=1", raw="5331", confidence=Confidence.LOW)
ANSWER = Answer(
    outcome=Outcome.IDENTIFIED,
    detail="nameplate",
    facts=(FACT,),
    components=(Component(name="server"),),
    children=(Child(key="DeviceSet/A", facts=(FACT,)),),
    ledger=Ledger(requests={"Read": 2}, smallest_gap_ms=1.5),
)


def altered(**changes: object) -> bytes:
    return json.dumps(json.loads(encode_answer(ANSWER)) | changes).encode()


def test_answer_survives_the_way() -> None:
    assert decode_answer(encode_answer(ANSWER)) == ANSWER


def test_job_survives_the_way() -> None:
    job = Job(ask=Ask(endpoint=Endpoint(transport=Transport.OPC_UA, host="h", port=1), limits=Limits(visit_s=3)), pki_dir="/pki")
    assert decode_job(encode_job(job)) == job


@pytest.mark.parametrize(
    "data",
    [
        altered(detail="x" * 5000),
        altered(detail="\x1b[2J"),
        altered(detail="a\u202eb"),
        altered(remarks=["r"] * 1000),
        altered(learned=[[[[[[[[[[]]]]]]]]]]),
        altered(facts=[]),
        altered(outcome="silent"),
        altered(extra=10**30),
        b'"' + b"x" * (1024 * 1024) + b'"',
        b"[" * 500_000,
    ],
)
def test_answer_beyond_bounds_is_refused(data: bytes) -> None:
    with pytest.raises(BoundsError):
        decode_answer(data)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"null", b"\xff", altered(outcome="fine"), altered(detail=3), altered(facts=None)]
)
def test_what_is_no_answer_is_refused(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_answer(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner),
)


@given(st.one_of(st.binary(max_size=200), JSON.map(lambda content: json.dumps(content).encode())))
def test_any_bytes_become_an_answer_or_one_of_two_errors(data: bytes) -> None:
    try:
        decode_answer(data)
    except (BoundsError, msgspec.DecodeError):
        pass
