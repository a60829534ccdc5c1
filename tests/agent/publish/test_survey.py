"""Whatever collect's states say, what comes of them is what reports may say, and one line never takes another with it."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.asset import after_look
from agent.core.schedule import Turn
from agent.core.vitals import VITALS, Vitals
from agent.publish.survey import MOST_ENDPOINT_BYTES, MOST_ENDPOINTS, MOST_OUTCOMES, OTHER, Survey, survey
from agent.publish.vitals import health
from buffer.outbox import Depth
from buffer.record import LeftOut, State
from evidence import kinds
from tests.agent.core.looks import look, moment

ASSET: dict[str, Any] = msgspec.to_builtins(after_look(None, look()))
TURN: dict[str, Any] = msgspec.to_builtins(Turn(asked=moment(), wait_s=900.0, failures=2))


def asset(name: str = "a", body: bytes = b"", **changed: Any) -> State:
    """The state of an asset; `o_FIELD` changes its look, `t_FIELD` its ledger."""
    looked = {key[2:]: value for key, value in changed.items() if key.startswith("o_")}
    totals = {key[2:]: value for key, value in changed.items() if key.startswith("t_")}
    rest = {key: value for key, value in changed.items() if key[:2] not in ("o_", "t_")}
    document = ASSET | rest | {"observation": ASSET["observation"] | looked, "ledger": ASSET["ledger"] | totals}
    return State(kind="asset", subject=name, at=moment().text, body=body or json.dumps(document).encode())


def turn(name: str = "a", **changed: Any) -> State:
    return State(kind="endpoint", subject=name, at=moment().text, body=json.dumps(TURN | changed).encode())


def reported(found: Survey) -> kinds.Health:
    """The report of health that comes of it, as a receiver reads it."""
    depth = Depth(count=0, used_bytes=0, oldest_at=None)
    roles = {"collect": found.collect}
    made = health(
        now=moment(), started=moment(), session=1, agent_version="0", depth=depth,
        outcomes=dict(found.outcomes), endpoints=found.endpoints, roles=roles,
    )  # fmt: skip
    _, encoded = kinds.encode_body(made)
    assert len(encoded) < 180_000
    return made


def test_an_asset_is_told_in_every_report_that_it_belongs_into() -> None:
    found = survey([asset(), turn()])
    assert found.inventory["a"].firmware_version == "2.1"
    assert (found.ledger["a"].line.visits, found.ledger["a"].since) == (1, moment().text)
    assert found.outcomes == {"identified": 1}
    [line] = found.endpoints
    assert (line.failures, line.wait_s, line.quarantined) == (2, 900.0, False)
    assert (found.unreadable, found.left_out) == (0, "")


def test_endpoints_come_in_the_order_in_which_a_person_should_look() -> None:
    turns = [turn("b", failures=0), turn("c", failures=5), turn("d", harm_signs=3)]
    found = survey([*map(asset, "abcd"), *turns])
    assert [line.asset_id for line in found.endpoints] == ["d", "c", "a", "b"]


HOSTILE_ASSETS = {
    "an outcome longer than a word": {"o_outcome": "x" * 128},
    "a time that is none": {"last_asked_at": "zzz"},
    "a time that nobody saw": {"last_seen_at": ""},
    "a duration before it began": {"o_ledger": {"duration_ms": -1e300}},
    "a visit that gave bytes back": {"t_sent_bytes": -1},
    "more visits than a number can hold": {"t_looks": 2**70},
    "a request with a name longer than a word": {"t_requests": {"x" * 100: 1}},
    "a ledger without a beginning": {"t_since": "once"},
}


@pytest.mark.parametrize("changed", HOSTILE_ASSETS.values(), ids=HOSTILE_ASSETS.keys())
def test_line_that_no_report_may_say_is_left_out_alone(changed: dict[str, Any]) -> None:
    found = survey([asset("a", **changed), asset("b")])
    told = [found.inventory, found.ledger, {line.asset_id: line for line in found.endpoints}]
    assert all("b" in lines for lines in told)
    assert 1 <= sum("a" not in lines for lines in told) == found.unreadable
    assert found.example.startswith("a: ")
    reported(found)


@pytest.mark.parametrize("changed", [{"failures": -5}, {"failures": 2**63}, {"wait_s": -1}])
def test_turn_that_no_report_may_say_is_as_if_it_were_not_there(changed: dict[str, Any]) -> None:
    found = survey([asset(), turn(**changed)])
    assert (found.endpoints[0].failures, found.endpoints[0].wait_s, found.unreadable) == (0, 0.0, 1)
    reported(found)


def test_subject_that_is_longer_than_an_id_is_left_out() -> None:
    found = survey([asset("a" * 200)])
    assert not (found.inventory or found.ledger or found.endpoints) and found.unreadable == 3


@pytest.mark.parametrize("kind", ["asset", "endpoint", "gateway"])
@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000 + b"]" * 100_000, b'{"at":"\xff"}'])
def test_state_that_is_no_document_is_left_out_and_counted(kind: str, body: bytes) -> None:
    found = survey([State(kind=kind, subject=VITALS, at="", body=body), asset()])
    assert (list(found.inventory), found.unreadable, found.collect) == (["a"], 1, None)


def test_what_was_believed_of_an_asset_earlier_does_not_stand_in_for_what_cannot_be_believed_now() -> None:
    found = survey([asset(), asset(last_asked_at="zzz")])
    assert "a" not in found.inventory and not found.endpoints


def test_more_outcomes_than_a_report_takes_are_counted_together() -> None:
    found = survey(asset(f"a{number}", o_outcome=f"o{number}") for number in range(3000))
    assert len(found.outcomes) == MOST_OUTCOMES and found.outcomes[OTHER] == 3000 - MOST_OUTCOMES + 1
    reported(found)


def test_report_of_health_has_room_for_the_longest_that_a_stranger_can_write() -> None:
    long = {"name": "\x01" * 64, "state": "\x01" * 64, "detail": "\x01" * 1024}
    vitals = {"at": moment().text, "trouble": "\x01" * 1024, "found": [long] * 16}
    states = [asset(f"{number:03}{'x' * 125}", o_outcome=f"{number:02}{chr(1) * 62}") for number in range(MOST_ENDPOINTS)]
    found = survey([*states, State(kind="gateway", subject=VITALS, at="", body=json.dumps(vitals).encode())])
    assert isinstance(found.collect, Vitals)
    assert sum(len(msgspec.json.encode(line)) for line in found.endpoints) <= MOST_ENDPOINT_BYTES
    reported(found)


def test_usual_plant_fills_a_report_of_health_with_endpoints() -> None:
    found = survey(asset(f"hall-3-line-2-conveyor-{number:05}-plc") for number in range(300))
    assert len(reported(found).endpoints) == MOST_ENDPOINTS


def test_lines_of_more_assets_than_there_is_memory_for_are_not_kept_and_that_is_said() -> None:
    requests = {f"{number:064}": 2**50 for number in range(32)}
    found = survey(asset(f"a{number}", t_requests=requests, o_address="x" * 1024) for number in range(10_000))
    assert 1_000 < len(found.inventory) < 5_000
    assert "was not looked at" in found.left_out


def test_lines_of_five_thousand_assets_with_long_names_are_all_kept() -> None:
    name, requests = "x" * 90, {f"Request{number}": 1000 for number in range(12)}
    found = survey(asset(f"{name}{number}", t_requests=requests, o_address="opc.tcp://" + name) for number in range(5_000))
    assert len(found.inventory) == len(found.ledger) == 5_000 and not found.left_out


def test_what_was_not_looked_at_is_said() -> None:
    found = survey([asset(), LeftOut(reason="too many states")])
    assert (list(found.inventory), found.left_out) == (["a"], "too many states")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=200),
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(st.text(max_size=9), parts, max_size=4),
    max_leaves=8,
)


@given(place=st.sampled_from(["observation", "known", "last_asked_at", "last_seen_at", "ledger"]), value=_json)
def test_any_value_in_any_place_becomes_a_report_or_is_left_out(place: str, value: Any) -> None:
    reported(
        survey(
            [
                asset(**{place: value})
                if place not in ("observation", "ledger")
                else asset(body=json.dumps(ASSET | {place: value}).encode())
            ]
        )
    )


@given(field=st.sampled_from(sorted(ASSET["observation"])), value=_json)
def test_any_value_in_any_field_of_a_look_becomes_a_report_or_is_left_out(field: str, value: Any) -> None:
    reported(survey([asset(**{f"o_{field}": value})]))
