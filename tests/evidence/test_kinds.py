"""Kinds: every body survives its own encoding, bounds hold both ways, and no cryptography is needed to read them."""

import subprocess
import sys

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence import kinds
from evidence.claims import Claims
from evidence.errors import MalformedEnvelopeError
from tests.evidence.samples import AT, EPOCH, Gateway, asset, change, event, start

HASH = "A" * 43
BODIES: list[kinds.Body] = [
    asset(),
    asset(outcome="silent"),
    change(),
    event("ü"),
    start(kinds.StartReason.DAMAGED, kinds.PreviousChain(epoch=EPOCH, seq=7, head=HASH)),
    kinds.Inventory(
        at=AT,
        assets=[
            kinds.InventoryLine(
                asset_id="a",
                address="opc.tcp://x:4840",
                last_seen_at=None,
                last_asked_at=AT,
                outcome="silent",
                firmware_version="",
            )
        ],
    ),
    kinds.Ledger(
        since=AT,
        until=AT,
        assets=[
            kinds.LedgerLine(
                asset_id="a",
                address="x",
                visits=2,
                connections=2,
                requests={"Read": 4},
                sent_bytes=1,
                received_bytes=2,
                smallest_gap_ms=250.5,
            )
        ],
    ),
    kinds.Gap(from_seq=2, to_seq=3, count=2, reason=kinds.GapReason.BUFFER_FULL, last_hash=HASH),
    kinds.Silence(
        asset_id=None,
        since=AT,
        until=AT,
        lasted_s=3.5,
        clock=kinds.ClockState.HOLDOVER,
        reason=kinds.SilenceReason.POWER_OFF,
        records=0,
        detail="",
    ),
    kinds.KeyRotate(new_jwk={"kty": "OKP"}, proof="p"),
    kinds.Health(
        at=AT,
        agent_version="0.1.0",
        uptime_s=5,
        spool=kinds.SpoolDepth(count=1, bytes=2, oldest_at=AT),
        assets_by_outcome={"identified": 3},
        host={"load_1m": 0.5},
        sess=4,
    ),
    kinds.StatusOnline(sess=4, at=AT, agent_version="0.1.0", delivery=kinds.Delivery.UNCONFIRMED),
    kinds.StatusOffline(sess=4),
]


def claims_of(body: kinds.Body) -> Claims:
    return Gateway().claims(body)


@pytest.mark.parametrize("body", BODIES, ids=kinds.type_name)
def test_every_body_comes_back_as_it_was(body: kinds.Body) -> None:
    claims = claims_of(body)
    assert claims.type == kinds.type_name(body)
    assert kinds.decode_body(claims) == body


def test_there_is_an_example_of_every_kind() -> None:
    assert {kinds.type_name(body) for body in BODIES} == set(kinds.KINDS)


def test_nothing_is_left_out_of_an_encoded_body() -> None:
    encoded = msgspec.json.decode(bytes(kinds.encode_body(asset())[1]))
    assert set(encoded) == {field.name for field in msgspec.structs.fields(kinds.Asset)}


@pytest.mark.parametrize("name", ["asset/2", "asset", "ASSET/1", ""])
def test_a_kind_that_is_not_known_is_refused_by_name(name: str) -> None:
    with pytest.raises(MalformedEnvelopeError, match="no such kind"):
        kinds.decode_body(msgspec.structs.replace(claims_of(event()), type=name))


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b"null",
        b'{"name":"x","at":"2026-11-22T20:00:00Z","subject":"","detail":"","more":1}',
        b'{"name":"x","at":"2026-11-22 20:00","subject":"","detail":""}',
        b'{"name":"x","at":"2026-11-22T20:00:00Z\\n","subject":"","detail":""}',
        b'{"name":1,"at":"2026-11-22T20:00:00Z","subject":"","detail":""}',
    ],
)
def test_a_body_in_another_form_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedEnvelopeError, match="not a event/1"):
        kinds.decode_body(msgspec.structs.replace(claims_of(event()), body=msgspec.Raw(body)))


@pytest.mark.parametrize(
    "body",
    [
        event("x" * 1025),
        msgspec.structs.replace(asset(), remarks=["x"] * 65),
        msgspec.structs.replace(asset(), asset_id=""),
        kinds.Gap(from_seq=-1, to_seq=3, count=2, reason=kinds.GapReason.BUFFER_FULL, last_hash=HASH),
        kinds.StatusOffline(sess=2**53),
    ],
)
def test_a_body_beyond_its_bounds_is_never_encoded(body: kinds.Body) -> None:
    with pytest.raises(MalformedEnvelopeError):
        kinds.encode_body(body)


@given(st.binary(max_size=200), st.sampled_from(sorted(kinds.KINDS)))
def test_any_bytes_are_a_body_or_refused_by_name(body: bytes, name: str) -> None:
    claims = msgspec.structs.replace(claims_of(event()), type=name, body=msgspec.Raw(body))
    try:
        assert kinds.type_name(kinds.decode_body(claims)) == name
    except MalformedEnvelopeError:
        pass


def test_kinds_and_topics_need_no_cryptography() -> None:
    code = "import evidence.kinds, evidence.topics, sys; sys.exit('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("levels", [33, 300, 900, 980, 3_000, 100_000])
def test_posture_that_is_nested_beyond_every_reader_is_refused_both_ways(levels: int) -> None:
    deep = b'"posture":{"a":' + b"[" * levels + b"]" * levels + b"}"
    body = msgspec.json.encode(asset()).replace(b'"posture":null', deep)
    assert deep in body
    with pytest.raises(MalformedEnvelopeError):
        kinds.decode_body(msgspec.structs.replace(claims_of(asset()), body=msgspec.Raw(body)))


@pytest.mark.parametrize("told", [{"a": 2**53}, {"a": [[[[-(2**70)]]]]}])
def test_number_that_not_every_reader_keeps_is_refused_where_a_body_has_no_form(told: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="too large a number"):
        msgspec.structs.replace(asset(), capabilities=told)
