"""The play: every event has its place, an outage is ten seconds, and what the script does is what the receiver must know."""

from hypothesis import given
from hypothesis import strategies as st

from agent.demo.script import ABSENCE_S, OUTAGE_S, SHORTEST_S, Act, Cue, Expected, expected_changes, script

plays = st.floats(min_value=SHORTEST_S, max_value=3600).map(script)


def cue(cues: tuple[Cue, ...], act: Act) -> Cue:
    return next(item for item in cues if item.act is act)


@given(plays)
def test_cues_come_in_order_of_time(cues: tuple[Cue, ...]) -> None:
    assert list(cues) == sorted(cues, key=lambda item: item.at_s)
    assert cues[0].at_s == 0


@given(plays)
def test_device_is_away_long_enough_to_be_missed(cues: tuple[Cue, ...]) -> None:
    assert cue(cues, Act.RETURN).at_s - cue(cues, Act.LEAVE).at_s >= ABSENCE_S - 1e-6


@given(plays)
def test_broker_is_dead_for_ten_seconds_with_a_change_in_their_midst(cues: tuple[Cue, ...]) -> None:
    killed, back = cue(cues, Act.KILL_BROKER).at_s, cue(cues, Act.START_BROKER).at_s
    assert abs(back - killed - OUTAGE_S) < 1e-6
    assert any(item.act is Act.UPDATE and killed < item.at_s < back for item in cues)


@given(st.floats(min_value=SHORTEST_S, max_value=3600))
def test_play_ends_before_the_stage_closes(seconds: float) -> None:
    assert script(seconds)[-1].at_s < seconds


def test_script_names_the_changes_it_makes() -> None:
    assert expected_changes(script(60)) == (
        Expected("press-07-plc", "changed", "firmware_version", "2.1", "2.2"),
        Expected("conveyor-3-io", "lost", "outcome", "identified", "unreachable"),
        Expected("conveyor-3-io", "returned", "outcome", "unreachable", "identified"),
        Expected("tank-coupler", "changed", "firmware_version", "10.7(04)", "10.8(04)"),
    )
