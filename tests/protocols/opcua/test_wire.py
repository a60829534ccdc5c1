"""What a child may say: an answer of ours comes back whole, anything larger, deeper or stranger is refused."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.collect.observe import observe
from agent.core.observation import Observation, Register
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
from tests.agent.core.looks import moment

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
        altered(ledger={"connections": -1}),
        altered(ledger={"duration_ms": 1e300}),
        altered(ledger={"requests": {str(number): 1 for number in range(33)}}),
        altered(ledger={"requests": {"x" * 129: 1}}),
        altered(components=[{"name": "x" * 1025}]),
        b'"' + b"x" * (1024 * 1024) + b'"',
        b"[" * 500_000,
        b'{"\xff": 1}',
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


def with_each_leaf(content: Any, value: object) -> Iterator[Any]:
    """The same document, again and again, each time with the value in the place of another leaf or key."""
    match content:
        case list():
            for place, item in enumerate(content):
                yield from ([*content[:place], other, *content[place + 1 :]] for other in with_each_leaf(item, value))
        case dict():
            for key, item in content.items():
                yield from (content | {key: other} for other in with_each_leaf(item, value))
                if isinstance(value, str):
                    yield {value if name == key else name: content[name] for name in content}
        case _:
            yield value


@pytest.mark.parametrize("value", ["x" * 129, "x" * 1025, "x" * 2049, "\x1b[2J", "", -1, 2**53, 2**70, -0.5, 1e300, None, True])
def test_answer_that_is_let_in_fits_the_record_that_is_made_of_it(value: object) -> None:
    for content in with_each_leaf(json.loads(encode_answer(ANSWER)), value):
        try:
            seen = decode_answer(json.dumps(content).encode())
        except (BoundsError, msgspec.DecodeError):
            continue
        look = observe(seen, asset_id="a", address="opc.tcp://h", register=Register(), now=moment(0.0))
        assert msgspec.json.decode(msgspec.json.encode(look), type=Observation) == look
        assert min(look.ledger.connections, look.ledger.sent_bytes, look.ledger.duration_ms) >= 0
