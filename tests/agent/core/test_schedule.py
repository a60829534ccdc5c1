"""Politeness between visits: never two visits on a lane, never early, nobody starved, and no restart makes a scan."""

from dataclasses import dataclass, field
from itertools import pairwise

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.schedule import (
    JITTER,
    QUARANTINE_S,
    Rhythm,
    Stop,
    Turn,
    carried_over,
    due_s,
    due_visits,
    first_due_s,
    newly_quarantined,
    next_turn,
)
from tests.agent.core.looks import moment
from tests.effort import examples

RHYTHM = Rhythm(interval_s=21_600, backoff_first_s=900, backoff_longest_s=86_400)
CHANCE = st.floats(min_value=0, max_value=1)


def failed(times: int) -> Turn:
    turn = None
    for _ in range(times):
        turn = next_turn(turn, "silent", (), rhythm=RHYTHM, now=moment(), chance=0)
    assert turn is not None
    return turn


def test_healthy_device_comes_round_at_the_interval_with_jitter() -> None:
    early, late = (next_turn(None, "identified", (), rhythm=RHYTHM, now=moment(), chance=chance).wait_s for chance in (0.0, 1.0))
    assert (round(early), round(late)) == (17_280, 25_920)


def test_back_off_doubles_from_the_first_to_the_longest() -> None:
    assert [failed(times).wait_s for times in (1, 2, 3, 7, 8, 99)] == [900, 1800, 3600, 57_600, 86_400, 86_400]


def test_success_ends_the_back_off() -> None:
    assert next_turn(failed(5), "identified", (), rhythm=RHYTHM, now=moment(), chance=0.5).failures == 0


def test_device_that_has_nothing_to_tell_is_not_punished_for_it() -> None:
    assert next_turn(None, "anonymous", (), rhythm=RHYTHM, now=moment(), chance=0.5).failures == 0


def test_what_was_learned_is_kept_until_something_else_is() -> None:
    turn = next_turn(None, "identified", ("individual-only",), rhythm=RHYTHM, now=moment(), chance=0.5)
    assert next_turn(turn, "silent", (), rhythm=RHYTHM, now=moment(), chance=0.5).learned == ["individual-only"]


def test_a_device_that_answers_and_teaches_nothing_has_become_another_one() -> None:
    turn = next_turn(None, "identified", ("individual-only",), rhythm=RHYTHM, now=moment(), chance=0.5)
    assert next_turn(turn, "anonymous", (), rhythm=RHYTHM, now=moment(), chance=0.5).learned == []


def after(*outcomes: str) -> list[Turn]:
    turns: list[Turn] = []
    for outcome in outcomes:
        before = turns[-1] if turns else None
        turns.append(next_turn(before, outcome, (), rhythm=RHYTHM, now=moment(), chance=0))
    return turns


def test_third_sign_of_harm_in_a_row_is_a_day_of_quarantine() -> None:
    turns = after("refused", "refused", "refused", "refused")
    assert [turn.wait_s for turn in turns] == [900, 1800, QUARANTINE_S, QUARANTINE_S]
    assert [turn.quarantined for turn in turns] == [False, False, True, True]


def test_quarantine_is_told_once_each_time_that_it_begins() -> None:
    turns = after("refused", "refused", "refused", "refused", "identified", "refused", "refused", "refused")
    news = [newly_quarantined(before, turn) for before, turn in zip([None, *turns], turns, strict=False)]
    assert [at for at, told in enumerate(news) if told] == [2, 7]


def test_a_device_that_is_off_or_silent_gives_no_sign_of_harm() -> None:
    assert not any(turn.quarantined for turn in after("unreachable", "silent", "malformed", "unreachable", "silent"))


def test_any_other_outcome_between_two_signs_begins_the_count_anew() -> None:
    assert not after("refused", "refused", "silent", "refused", "refused")[-1].quarantined


def test_quarantine_survives_a_restart() -> None:
    assert first_due_s(after("refused", "refused", "refused")[-1], rhythm=RHYTHM, now=moment(60), chance=0) == QUARANTINE_S


def test_turn_of_an_earlier_version_is_read() -> None:
    body = msgspec.json.encode(moment()).decode()
    assert msgspec.json.decode(f'{{"asked":{body},"wait_s":5.0,"failures":2}}', type=Turn).harm_signs == 0


def test_restart_waits_for_what_is_left_of_the_back_off() -> None:
    assert first_due_s(failed(3), rhythm=RHYTHM, now=moment(600), chance=0) == 3600


def test_reboot_with_a_clock_in_the_past_waits_for_what_was_not_waited_for_before_it() -> None:
    now = moment(20, at_s=0, boot="boot-b")
    left = [
        carried_over(failed(3), alive=alive, now=now) for alive in (None, moment(1600), moment(9999), moment(1600, boot="boot-x"))
    ]
    assert [first_due_s(turn, rhythm=RHYTHM, now=now, chance=0) for turn in left] == [3620, 2020, 20, 3620]


def test_reboot_with_a_clock_that_is_right_counts_the_time_without_power() -> None:
    left = carried_over(failed(3), alive=moment(600), now=moment(20, at_s=moment().at_s + 3000, boot="boot-b"))
    assert left.wait_s == 600


def test_restart_within_a_boot_carries_nothing_over() -> None:
    assert carried_over(failed(3), alive=moment(600), now=moment(700)) == failed(3)


@given(shifts=st.lists(st.tuples(st.floats(0, 200_000), st.booleans()), max_size=6), chance=CHANCE)
def test_reboots_never_cut_a_wait_short(shifts: list[tuple[float, bool]], chance: float) -> None:
    """Invariant: whatever is carried over, and however often, an endpoint is never due before it was really left alone for its wait."""
    turn = next_turn(None, "refused", (), rhythm=RHYTHM, now=moment(), chance=chance)
    wait_s, waited_s = turn.wait_s, 0.0
    for number, (shift_s, told) in enumerate(shifts):
        alive = moment(shift_s, at_s=0, boot=turn.asked.boot) if told else None
        waited_s += shift_s
        turn = carried_over(turn, alive=alive, now=moment(0, at_s=0, boot=f"later-{number}"))
        assert turn.wait_s + waited_s >= wait_s - 1e-6


def test_first_round_of_a_new_plant_is_spread_out() -> None:
    dues = [first_due_s(None, rhythm=RHYTHM, now=moment(10), chance=chance) for chance in (0.0, 0.5, 1.0)]
    assert dues == [10, 160, 310]


def stop(name: str, lane: str, slot: str = "") -> Stop:
    return Stop(asset_id=name, lane=lane, slot=slot or lane)


def chosen(
    stops: list[Stop],
    due: dict[str, float],
    *,
    now_s: float = 0,
    backing_off: tuple[str, ...] = (),
    busy: tuple[str, ...] = (),
    room: int = 8,
) -> list[tuple[str, ...]]:
    visits = due_visits(stops, due, backing_off=backing_off, busy=busy, room=room, now_s=now_s, interval_s=1000)
    return [visit.asset_ids for visit in visits]


def test_units_behind_one_connection_are_visited_together() -> None:
    assert chosen([stop("a", "gw"), stop("b", "gw")], {"a": 0, "b": 300}) == [("a", "b")]


def test_unit_that_is_left_alone_is_not_brought_along() -> None:
    assert chosen([stop("a", "gw"), stop("b", "gw")], {"a": 0, "b": 300}, backing_off=("b",)) == [("a",)]


def test_two_connections_to_one_host_never_run_side_by_side() -> None:
    stops = [stop("modbus", "10.0.0.1", "502"), stop("opcua", "10.0.0.1", "4840")]
    assert chosen(stops, {"modbus": -5, "opcua": -1}) == [("modbus",)]
    assert chosen(stops, {"modbus": -5, "opcua": -1}, busy=("10.0.0.1",)) == []


def test_longest_overdue_goes_first_where_room_is_short() -> None:
    stops = [stop("a", "1"), stop("b", "2"), stop("c", "3")]
    assert chosen(stops, {"a": -1, "b": -9, "c": 5}, room=1) == [("b",)]


@dataclass
class Plant:
    """A plant in fast motion: visits take time, devices fail by chance, and every look is noted."""

    stops: list[Stop]
    failing: set[str]
    turns: dict[str, Turn] = field(default_factory=dict)
    due: dict[str, float] = field(default_factory=dict)
    under_way: list[tuple[float, str, tuple[str, ...]]] = field(default_factory=list)
    looks: dict[str, list[float]] = field(default_factory=dict)
    most_per_lane: int = 0

    def run(self, until_s: float, step_s: float, visit_s: float, chance: float) -> None:
        self.due = {each.asset_id: first_due_s(None, rhythm=RHYTHM, now=moment(), chance=chance) for each in self.stops}
        now_s = 0.0
        while now_s < until_s:
            for ended in [visit for visit in self.under_way if visit[0] <= now_s]:
                self.under_way.remove(ended)
                for name in ended[2]:
                    outcome = "silent" if name in self.failing else "identified"
                    turn = next_turn(self.turns.get(name), outcome, (), rhythm=RHYTHM, now=moment(now_s), chance=chance)
                    self.turns[name], self.due[name] = turn, due_s(turn)
            busy = [visit[1] for visit in self.under_way]
            visits = due_visits(
                self.stops, self.due, backing_off=[name for name, turn in self.turns.items() if turn.failures],
                busy=busy, room=8 - len(busy), now_s=now_s, interval_s=RHYTHM.interval_s,
            )  # fmt: skip
            for visit in visits:
                self.under_way.append((now_s + visit_s, visit.lane, visit.asset_ids))
                for name in visit.asset_ids:
                    self.looks.setdefault(name, []).append(now_s)
            lanes = [visit[1] for visit in self.under_way]
            self.most_per_lane = max([self.most_per_lane, *(lanes.count(lane) for lane in lanes)])
            now_s = max(
                now_s + step_s, min([*self.due.values(), *(visit[0] for visit in self.under_way)])
            )  # nothing happens before


LANES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1)), min_size=1, max_size=24)


@settings(max_examples=examples(300), deadline=None)
@given(LANES, st.sets(st.integers(0, 23)), CHANCE)
def test_any_plant_is_asked_politely_and_nobody_starves(lanes: list[tuple[int, int]], failing: set[int], chance: float) -> None:
    stops = [stop(f"a{number}", f"lane{lane}", f"lane{lane}-{slot}") for number, (lane, slot) in enumerate(lanes)]
    plant = Plant(stops, {f"a{number}" for number in failing})
    plant.run(until_s=100_000, step_s=60, visit_s=40, chance=chance)
    assert plant.most_per_lane <= 1
    for each in stops:
        looks = plant.looks[each.asset_id]
        pauses = [after - before for before, after in pairwise(looks)]
        soonest = RHYTHM.backoff_first_s if each.asset_id in plant.failing else RHYTHM.interval_s * (1 - 3 * JITTER)
        assert all(pause >= soonest for pause in pauses)
        if each.asset_id not in plant.failing:
            assert all(pause <= RHYTHM.interval_s * (1 + JITTER) + 1800 for pause in pauses)
