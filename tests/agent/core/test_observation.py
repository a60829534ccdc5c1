"""An observation is written and read strictly, and two looks are the same when they saw the same."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.observation import Observation, VisitLedger, same_content
from tests.agent.core.looks import look, plate


def test_what_is_written_is_read_back() -> None:
    seen = look(posture={"findings": []}, remarks=["an odd count"])
    assert msgspec.json.decode(msgspec.json.encode(seen), type=Observation) == seen


def test_time_cost_and_wording_make_no_difference() -> None:
    assert same_content(look(detail="one"), look(at_s=99, detail="two", ledger=VisitLedger(connections=7)))


def test_another_value_makes_a_difference() -> None:
    assert not same_content(look(), look(nameplate=plate(firmware_version="9")))


def test_unknown_field_in_the_journal_is_refused() -> None:
    forged = msgspec.json.encode(msgspec.to_builtins(look()) | {"shell": "rm"})
    with pytest.raises(msgspec.ValidationError, match="shell"):
        msgspec.json.decode(forged, type=Observation)


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_an_observation_or_a_decoding_error(body: bytes) -> None:
    try:
        assert isinstance(msgspec.json.decode(body, type=Observation), Observation)
    except msgspec.MsgspecError:
        pass
