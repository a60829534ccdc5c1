"""Records of a look: as many as there is news, and never too large; a state that rotted is forgotten."""

from dataclasses import replace

import msgspec

from agent.collect.records import LONGEST_DETAIL, event, newest, news, read_state, read_states
from agent.core.asset import AssetState, after_look
from agent.core.observation import Event, Observation
from agent.core.schedule import Turn
from tests.agent.core.looks import look, moment, plate

TURN = Turn(asked=moment(), wait_s=900.0)


def kinds(before: AssetState | None, seen: Observation) -> list[str]:
    return [record.kind for record in news(before, seen)]


def test_first_look_is_news() -> None:
    assert kinds(None, look()) == ["observation", "change"]


def test_look_that_saw_the_same_is_worth_no_record() -> None:
    assert kinds(after_look(None, look()), look(at_s=21_600.0)) == []


def test_other_firmware_is_a_look_and_a_change() -> None:
    assert kinds(after_look(None, look()), look(at_s=60.0, nameplate=plate(manufacturer_name="ACME", firmware_version="3"))) == [
        "observation",
        "change",
    ]


def test_device_that_tells_again_who_it_is_ends_a_silence() -> None:
    away = after_look(after_look(None, look()), look("silent", at_s=60.0))
    assert kinds(away, look(at_s=7200.0))[-1] == "silence"


def test_longest_detail_of_an_event_is_cut() -> None:
    told = msgspec.json.decode(event("guard.fired", "x" * 5000, moment(), subject="press-07").body, type=Event)
    assert (told.subject, len(told.detail)) == ("press-07", LONGEST_DETAIL)


def test_state_that_cannot_be_read_is_forgotten_and_the_others_are_kept() -> None:
    kept = newest("endpoint", "kept", TURN, moment())
    assert read_states({"kept": kept, "rotten": replace(kept, body=b"{")}, Turn) == {"kept": TURN}
    assert read_state({"kept": kept}, "kept", Turn) == TURN
    assert read_state({"kept": replace(kept, body=b'{"\xff": 1}')}, "kept", Turn) is None
    assert read_state({}, "kept", Turn) is None
