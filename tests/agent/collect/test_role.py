"""The collecting role over a real journal and a simulated reader: news is written once, failures stay where they are."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from agent.clock import Clock, system_clock
from agent.collect.recorder import Recorder
from agent.collect.role import VISITS_AT_ONCE, Collector, Target
from agent.core.asset import AssetState
from agent.core.change import Change
from agent.core.moment import ClockState, Moment
from agent.core.observation import Observation, Register
from agent.core.schedule import Rhythm, Turn
from agent.wiring import bodies
from buffer.journal import Journal
from buffer.record import Record
from buffer.view import JournalView
from protocols.contract import Answer, Ask, Endpoint, Reader, Transport
from protocols.errors import ForbiddenRequestError
from tests.simulators.readers import Answering, SimulatedReader, failed, identified

MIB = 1024 * 1024
FAST = Rhythm(interval_s=0.03, backoff_first_s=0.03, backoff_longest_s=0.05)


def target(name: str, *, host: str = "", unit: int = 1) -> Target:
    endpoint = Endpoint(transport=Transport.MODBUS_TCP, host=host or name, port=502, unit=unit)
    return Target(
        asset_id=name, address=f"modbus-tcp://{endpoint.host}:502?unit={unit}", register=Register(), ask=Ask(endpoint=endpoint)
    )


async def collect(
    path: Path,
    reader: Reader,
    targets: list[Target],
    *,
    rhythm: Rhythm = FAST,
    clock: Clock | None = None,
    until: Callable[[], bool],
) -> None:
    with Journal.open(path, max_bytes=MIB) as journal:
        collector = Collector(
            targets,
            dict.fromkeys(Transport, reader),
            Recorder(journal, path.with_name("watermark")),
            rhythm=rhythm,
            clock=clock or system_clock(),
            chance=random.Random(7),
            states=journal.states("asset"),
            turns=journal.states("endpoint"),
        )
        role = asyncio.create_task(collector.run())
        try:
            async with asyncio.timeout(10):
                while not until() and not role.done():
                    await asyncio.sleep(0.005)
        finally:
            role.cancel()
            with pytest.raises(asyncio.CancelledError):
                await role


def records(path: Path) -> list[Record]:
    with JournalView.open(path) as view:
        found = view.read(0, max_records=1000, max_bytes=MIB)
        return [record for record in found if isinstance(record, Record)]


def observations(path: Path) -> list[Observation]:
    return [msgspec.json.decode(record.body, type=Observation) for record in records(path) if record.kind == "observation"]


def reported(path: Path) -> list[tuple[str, str]]:
    changes = [msgspec.json.decode(record.body, type=Change) for record in records(path) if record.kind == "change"]
    return [(change.asset_id, change.change.value) for change in changes]


def saying(**firmware: str) -> Answering:
    return lambda ask: identified(manufacturer_name="ACME", firmware_version=firmware.get(ask.endpoint.host, "1"))


async def test_unchanged_device_is_written_down_once_and_seen_again(tmp_path: Path) -> None:
    path, reader = tmp_path / "journal.db", SimulatedReader(saying())
    await collect(path, reader, [target("a")], until=lambda: len(reader.asked) >= 4)
    assert len(observations(path)) == 1
    with JournalView.open(path) as view:
        state = msgspec.json.decode(bodies(view)["asset"]["a"], type=AssetState)
    assert state.ledger.looks >= 3
    assert state.last_seen_at is not None and state.last_seen_at > observations(path)[0].observed_at


async def test_firmware_update_is_an_observation_and_a_change(tmp_path: Path) -> None:
    path, versions = tmp_path / "journal.db", {"a": "1"}
    reader = SimulatedReader(lambda _: identified(manufacturer_name="ACME", firmware_version=versions["a"]))
    await collect(path, reader, [target("a")], until=lambda: len(reader.asked) >= 2)
    versions["a"] = "2"
    await collect(path, reader, [target("a")], until=lambda: len(reader.asked) >= 5)
    assert reported(path) == [("a", "first-seen"), ("a", "changed")]
    assert [look.nameplate["firmware_version"].value for look in observations(path)] == ["1", "2"]


async def test_surprise_at_one_device_leaves_the_others_alone(tmp_path: Path) -> None:
    def answering(ask: Ask) -> Answer:
        if ask.endpoint.host == "bad":
            raise ZeroDivisionError("a bug of ours")
        return identified(firmware_version="1")

    path, reader = tmp_path / "journal.db", SimulatedReader(answering)
    await collect(path, reader, [target("bad"), target("good")], until=lambda: reader.visits.count(("good/1",)) >= 3)
    assert reader.visits.count(("bad/1",)) >= 2
    assert {look.asset_id for look in observations(path)} == {"good"}


async def test_forbidden_request_stops_the_role(tmp_path: Path) -> None:
    def answering(ask: Ask) -> Answer:
        raise ForbiddenRequestError("function code 6")

    reader = SimulatedReader(answering)
    with Journal.open(tmp_path / "journal.db", max_bytes=MIB) as journal:
        collector = Collector(
            [target("a")], {Transport.MODBUS_TCP: reader}, Recorder(journal, tmp_path / "watermark"), rhythm=FAST,
            clock=system_clock(), chance=random.Random(7), states={}, turns={},
        )  # fmt: skip
        with pytest.raises(ExceptionGroup) as stopped:
            async with asyncio.timeout(5):
                await collector.run()
    assert stopped.group_contains(ForbiddenRequestError)
    assert collector.guard_fired_at is not None
    written = "".join(record.body.decode() for record in records(tmp_path / "journal.db"))
    assert '"guard.fired"' in written and '"collect.failed"' in written and '"collect.stopped"' not in written
    with Journal.open(tmp_path / "journal.db", max_bytes=MIB) as journal:
        told_to_stop = Recorder(journal, tmp_path / "watermark").begin(system_clock()(), assets=1)
    assert not told_to_stop  # so the next start leaves every device alone at first


async def test_units_behind_one_gateway_share_a_visit(tmp_path: Path) -> None:
    path, reader = tmp_path / "journal.db", SimulatedReader(saying())
    targets = [target("u1", host="gw", unit=1), target("u2", host="gw", unit=2)]
    await collect(path, reader, targets, until=lambda: len(reader.visits) >= 4)
    assert ("gw/1", "gw/2") in reader.visits[1:]


async def test_no_lane_ever_carries_two_visits_and_the_number_of_visits_is_bounded(tmp_path: Path) -> None:
    path, reader = tmp_path / "journal.db", SimulatedReader(saying(), visit_s=0.01)
    targets = [target(f"a{number}") for number in range(3 * VISITS_AT_ONCE)]
    await collect(path, reader, targets, until=lambda: len(reader.visits) >= 60)
    assert reader.most_on_a_lane == 1
    assert 1 < reader.most_at_once <= VISITS_AT_ONCE


async def test_restart_leaves_a_device_alone_that_was_backing_off(tmp_path: Path) -> None:
    path, reader = tmp_path / "journal.db", SimulatedReader(lambda _: failed())
    patient = Rhythm(interval_s=0.03, backoff_first_s=600, backoff_longest_s=600)
    for _ in range(3):
        looks = len(records(path)) if path.exists() else 0
        await collect(path, reader, [target("a")], rhythm=patient, until=lambda n=looks: len(records(path)) > n)
    assert len(reader.asked) == 1


@dataclass
class Shift:
    """The clock of a machine that was switched on a moment ago and believes that it is 1970."""

    boot: str
    up_s: float = 0.0

    def __call__(self) -> Moment:
        self.up_s += 0.001
        return Moment(at_s=self.up_s, up_s=self.up_s, boot=self.boot, clock=ClockState.UNSYNC)


def test_plant_that_came_due_while_the_machine_was_frozen_is_asked_in_a_spread_out_round_and_back_off_stays(
    tmp_path: Path,
) -> None:
    hourly, shift = Rhythm(interval_s=3600, backoff_first_s=900, backoff_longest_s=86_400), Shift("boot")
    plant = [target(f"a{number}") for number in range(20)]
    with Journal.open(tmp_path / "journal.db", max_bytes=MIB) as journal:
        collector = Collector(
            plant,
            {},
            Recorder(journal, tmp_path / "watermark"),
            rhythm=hourly,
            clock=shift,
            chance=random.Random(7),
            states={},
            turns={},
        )
        collector._due["a7"] = 90_000.0
        shift.up_s = 36_000.0
        assert len(collector._due_visits()) == VISITS_AT_ONCE
        collector._spread_out()
        assert collector._due_visits() == []
    dues = sorted(due - 36_000 for name, due in collector._due.items() if name != "a7")
    assert 0 < dues[0] < 60 < 200 < dues[-1] < 301
    assert collector._due["a7"] == 90_000.0


async def test_gateway_that_is_switched_off_every_night_and_wakes_in_1970_asks_again_when_it_has_waited_long_enough(
    tmp_path: Path,
) -> None:
    path, reader = tmp_path / "journal.db", SimulatedReader(lambda _: failed())
    daily = Rhythm(interval_s=0.03, backoff_first_s=86_400, backoff_longest_s=86_400)

    async def work_for_nine_hours(shift: Shift, looks: int) -> None:
        def evening() -> bool:
            written = path.read_bytes()
            if shift.boot.encode() not in written or b'"failures":%d' % looks not in written:
                return False
            shift.up_s = 9 * 3600.0
            return True

        await collect(path, reader, [target("a")], rhythm=daily, clock=shift, until=evening)

    for day, looks in enumerate([1, 1, 1, 2, 2]):
        await work_for_nine_hours(Shift(f"boot-{day}"), looks)
        assert len(reader.asked) == looks


async def test_what_a_reader_learned_is_told_to_it_next_time(tmp_path: Path) -> None:
    from dataclasses import replace

    reader = SimulatedReader(lambda ask: replace(identified(firmware_version="1"), learned=("individual-only",)))
    await collect(tmp_path / "journal.db", reader, [target("a")], until=lambda: len(reader.asked) >= 2)
    assert reader.asked[0].learned == ()
    assert reader.asked[1].learned == ("individual-only",)


async def test_unreadable_state_costs_a_look_and_no_crash(tmp_path: Path) -> None:
    from buffer.record import State

    path, reader = tmp_path / "journal.db", SimulatedReader(saying())
    with Journal.open(path, max_bytes=MIB) as journal:
        at = "2026-11-03T08:00:00.000Z"
        journal.append(
            [], [State(kind="asset", subject="a", at=at, body=b"{"), State(kind="endpoint", subject="a", at=at, body=b"[]")]
        )

    def well() -> bool:
        with JournalView.open(path) as view:
            body = bodies(view)["endpoint"]["a"]
        return body != b"[]" and msgspec.json.decode(body, type=Turn).failures == 0

    await collect(path, reader, [target("a")], until=well)
    assert observations(path)[0].identified
