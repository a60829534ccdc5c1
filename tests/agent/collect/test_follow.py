"""A running collector that is given another plant: turns and visits of what stayed go on, the rest begins or ends."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from agent.clock import system_clock
from agent.collect.recorder import Recorder
from agent.collect.role import Collector, Target
from agent.core.observation import Event
from agent.core.pulse import Pulse
from agent.core.schedule import Rhythm
from buffer.journal import Journal
from protocols.contract import Answer, Ask, Transport
from tests.agent.collect.test_role import observations, records, target
from tests.simulators.readers import SimulatedReader, failed, identified

MIB = 1024 * 1024
SLOW = Rhythm(interval_s=0.5, backoff_first_s=100.0, backoff_longest_s=100.0)


class Running:
    """A collector at work, and what it may be told."""

    def __init__(self, collector: Collector, reader: SimulatedReader, pulse: Pulse) -> None:
        self.collector = collector
        self.reader = reader
        self.pulse = pulse

    def follow(self, *targets: Target, rhythm: Rhythm = SLOW) -> None:
        self.collector.follow(targets, {Transport.MODBUS_TCP: self.reader}, rhythm=rhythm, windows=())

    def due(self) -> dict[str, float]:
        return {line.asset_id: line.due_s for line in self.collector.word().assets}

    async def until_asked(self, name: str, times: int = 1) -> None:
        async with asyncio.timeout(10):
            while self.reader.visits.count((f"{name}/1",)) < times:
                await asyncio.sleep(0.005)


@asynccontextmanager
async def running(path: Path, reader: SimulatedReader, *targets: Target, rhythm: Rhythm = SLOW) -> AsyncIterator[Running]:
    pulse = Pulse()
    with Journal.open(path, max_bytes=MIB) as journal:
        collector = Collector(
            targets,
            {Transport.MODBUS_TCP: reader},
            Recorder(journal, path.with_name("watermark")),
            rhythm=rhythm,
            clock=system_clock(),
            chance=random.Random(7),
            states={},
            turns={},
            pulse=pulse,
        )
        role = asyncio.create_task(collector.run())
        await asyncio.sleep(0)
        try:
            yield Running(collector, reader, pulse)
        finally:
            role.cancel()
            await asyncio.gather(role, return_exceptions=True)


def well(_ask: Ask) -> Answer:
    return identified(firmware_version="1")


async def test_an_asset_that_stayed_keeps_its_turn_and_a_new_one_is_asked_soon(tmp_path: Path) -> None:
    async with running(tmp_path / "journal.db", SimulatedReader(well), target("a"), rhythm=Rhythm(interval_s=50.0)) as role:
        role.collector._due["a"] = 1e12
        before = role.due()["a"]
        role.follow(target("a"), target("b"))
        assert role.due()["a"] == before
        await role.until_asked("b")
        assert role.reader.visits.count(("a/1",)) == 0


async def test_an_asset_that_backs_off_goes_on_doing_so(tmp_path: Path) -> None:
    def answering(ask: Ask) -> Answer:
        return failed() if ask.endpoint.host == "a" else well(ask)

    async with running(tmp_path / "journal.db", SimulatedReader(answering), target("a")) as role:
        await role.until_asked("a")
        await asyncio.sleep(0.02)
        before = role.due()["a"]
        role.follow(target("a"), target("b"))
        await role.until_asked("b")
        assert role.due()["a"] == before
        assert role.reader.visits.count(("a/1",)) == 1


async def test_an_asset_that_moved_does_not_inherit_the_back_off_of_its_old_address(tmp_path: Path) -> None:
    def answering(ask: Ask) -> Answer:
        return failed() if ask.endpoint.host == "typo" else well(ask)

    async with running(tmp_path / "journal.db", SimulatedReader(answering), target("a", host="typo")) as role:
        await role.until_asked("typo")
        role.follow(target("a", host="right"))
        await role.until_asked("right")


async def test_an_asset_that_is_gone_is_asked_no_more(tmp_path: Path) -> None:
    async with running(tmp_path / "journal.db", SimulatedReader(well), target("a"), target("b")) as role:
        await role.until_asked("a")
        await role.until_asked("b")
        role.follow(target("b"))
        asked = role.reader.visits.count(("a/1",))
        await role.until_asked("b", times=4)
        assert role.reader.visits.count(("a/1",)) == asked
        assert set(role.due()) == {"b"}


class Slow:
    """A reader whose answer waits until it may come."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()

    async def visit(self, asks: list[Ask]) -> AsyncIterator[Answer]:
        for ask in asks:
            self.begun.set()
            await self.may_end.wait()
            yield well(ask)


async def test_an_answer_that_comes_after_its_asset_is_gone_is_not_written_down(tmp_path: Path) -> None:
    path, reader = tmp_path / "journal.db", Slow()
    async with running(path, reader, target("a")) as role:
        await reader.begun.wait()
        assert role.collector.word().assets[0].visiting
        role.follow(target("b"))
        reader.may_end.set()
        async with asyncio.timeout(10):
            while not observations(path):
                await asyncio.sleep(0.01)
    assert {look.asset_id for look in observations(path)} == {"b"}


async def test_a_visit_that_hangs_is_overdue_and_the_schedule_is_not(tmp_path: Path) -> None:
    reader = Slow()
    async with running(tmp_path / "journal.db", reader, target("a")) as role:
        await reader.begun.wait()
        now_s = system_clock()().up_s
        assert role.pulse.overdue(now_s) == []
        assert role.pulse.overdue(now_s + 3600) == ["schedule", "visit a"]
        reader.may_end.set()
        async with asyncio.timeout(10):
            while "visit a" in role.pulse.overdue(now_s + 3600):
                await asyncio.sleep(0.01)


async def test_what_was_followed_is_an_event_on_record(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with running(path, SimulatedReader(well), target("a"), target("b")) as role:
        role.follow(target("a"), target("b", host="elsewhere"), target("c"))
    events = [msgspec.json.decode(record.body, type=Event) for record in records(path) if record.kind == "event"]
    (followed,) = [event for event in events if event.name == "plant.followed"]
    assert followed.detail == "3 assets, of them 1 new and 1 moved; 0 gone"
