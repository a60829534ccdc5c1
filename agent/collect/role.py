"""The collecting role: a dull loop around the pure schedule.

Decides nothing but the order of its own steps: ask the schedule, visit, write down, wait. Never holds a key, never knows a
broker, and never lets one device's failure reach another's visit.

    schedule ──due──► visit (a task per lane) ──answer──► observation ──► change? ──► journal ──► next turn
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from agent.clock import Clock
from agent.collect.observe import observe
from agent.collect.recorder import Recorder
from agent.collect.records import event, newest, news, read_states
from agent.core.asset import AssetState, after_look
from agent.core.maintenance import Window, pause
from agent.core.moment import Moment
from agent.core.observation import Register
from agent.core.pulse import Pulse
from agent.core.schedule import (
    Rhythm,
    Stop,
    Turn,
    Visit,
    carried_over,
    due_s,
    due_visits,
    first_due_s,
    newly_quarantined,
    next_turn,
)
from agent.core.status import MOST_ASSETS, AssetLine, CollectWord
from agent.log import line, logger
from buffer.record import State
from protocols.contract import Answer, Ask, Reader, Transport
from protocols.errors import ForbiddenRequestError

VISITS_AT_ONCE = 8
"""Hosts that are visited side by side, one connection each. Enough that a dead host holds nobody up, few enough for a small
machine and for a firewall that counts connections."""

LONGEST_SLEEP_S = 60.0

SLACK_S = 60.0
"""What a step may take beyond its own limits on a slow machine, before its task counts as hung."""

_log = logger("collect")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One asset of the plant file, and how it is asked."""

    asset_id: str
    address: str
    register: Register
    ask: Ask

    @property
    def stop(self) -> Stop:
        """Its place in the schedule."""
        endpoint = self.ask.endpoint
        slot = f"{endpoint.transport} {endpoint.host} {endpoint.port}"
        if endpoint.transport is Transport.OPC_UA:
            slot += endpoint.path
        return Stop(asset_id=self.asset_id, lane=endpoint.lane, slot=slot)


class Collector:
    """Looks at every target in its turn and writes down what it saw.

    Attributes:
        guard_fired_at: When the read-only guard last refused a request of ours, RFC 3339, or None.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        readers: Mapping[Transport, Reader],
        recorder: Recorder,
        *,
        rhythm: Rhythm,
        clock: Clock,
        chance: random.Random,
        states: Mapping[str, State],
        turns: Mapping[str, State],
        windows: Sequence[Window] = (),
        pulse: Pulse | None = None,
        guard_fired_at: str | None = None,
    ) -> None:
        self._targets = {target.asset_id: target for target in targets}
        self._stops = [target.stop for target in targets]
        self._readers = readers
        self._pulse = pulse or Pulse()
        self.guard_fired_at = guard_fired_at
        self._recorder = recorder
        self._rhythm = rhythm
        self._clock = clock
        self._chance = chance
        self._states = read_states(states, AssetState)
        now, alive, known = clock(), recorder.last_alive(), read_states(turns, Turn)
        self._turns = {name: carried_over(turn, alive=alive, now=now) for name, turn in known.items()}
        self._carried_over = [name for name, turn in self._turns.items() if turn != known[name]]
        self._due = {
            name: first_due_s(self._turns.get(name), rhythm=rhythm, now=now, chance=chance.random()) for name in self._targets
        }
        self._windows = windows
        self._longest_visit_s = _longest_visit_s(targets)
        self._pause = ""
        self._busy: set[str] = set()
        self._under_way: set[str] = set()
        self._visit_ended = asyncio.Event()

    async def run(self) -> None:
        """Look at the plant until cancelled.

        Raises:
            ForbiddenRequestError: The read-only guard fired. Nothing was sent; the role must not go on.
        """
        now = self._clock()
        if not self._recorder.begin(now, assets=len(self._targets)):
            self._hold_back(now)
        self._recorder.record([], [newest("endpoint", name, self._turns[name], now) for name in self._carried_over], now)
        _log.info(line("collect.started", assets=len(self._targets), lanes=len({stop.lane for stop in self._stops})))
        try:
            await self._look_around()
        except asyncio.CancelledError:
            self._recorder.close(self._clock())
            raise
        except BaseException:
            self._recorder.abandon(self._clock())
            raise

    def follow(
        self, targets: Sequence[Target], readers: Mapping[Transport, Reader], *, rhythm: Rhythm, windows: Sequence[Window]
    ) -> None:
        """Go on with another plant file.

        An asset that stays where it was keeps its turn, and the visit that it may have now. One that is new, or has moved, is
        asked in a spread-out round as after a start; what is left of the back-off of an old address is not its own.
        """
        now, before = self._clock(), self._targets
        self._targets = {target.asset_id: target for target in targets}
        self._stops = [target.stop for target in targets]
        self._readers, self._rhythm, self._windows = readers, rhythm, windows
        self._longest_visit_s = _longest_visit_s(targets)
        stayed = {name for name, target in self._targets.items() if name in before and before[name].address == target.address}
        moved = self._targets.keys() & before.keys() - stayed
        self._turns = {name: turn for name, turn in self._turns.items() if name not in moved}
        self._due = {
            name: self._due[name]
            if name in stayed
            else first_due_s(self._turns.get(name), rhythm=rhythm, now=now, chance=self._chance.random())
            for name in self._targets
        }
        new, gone = len(self._targets) - len(stayed) - len(moved), len(before.keys() - self._targets.keys())
        followed = f"{len(self._targets)} assets, of them {new} new and {len(moved)} moved; {gone} gone"
        self.remark("plant.followed", followed)
        _log.info(line("plant.followed", why=followed))
        self._visit_ended.set()  # the loop looks again

    def remark(self, name: str, detail: str) -> None:
        """Write an event of the gateway itself down."""
        now = self._clock()
        self._recorder.record([event(name, detail, now, subject="gateway")], [], now)

    def word(self) -> CollectWord:
        """Say what is being done, those first that need a look."""
        lines = [self._line(name) for name in self._targets]
        lines.sort(key=lambda each: (not each.quarantined, -each.failures, each.asset_id))
        return CollectWord(assets=lines[:MOST_ASSETS], count=len(lines), paused=self._pause, held=self._recorder.waiting)

    def _line(self, name: str) -> AssetLine:
        state, turn = self._states.get(name), self._turns.get(name)
        return AssetLine(
            asset_id=name,
            outcome=state.observation.outcome if state else "",
            last_asked_at=state.last_asked_at if state else None,
            last_seen_at=state.last_seen_at if state else None,
            due_s=self._due[name],
            visiting=name in self._under_way,
            failures=turn.failures if turn else 0,
            quarantined=turn.quarantined if turn else False,
        )

    async def _look_around(self) -> None:
        async with asyncio.TaskGroup() as visits:
            while True:
                self._pulse.beat("schedule", LONGEST_SLEEP_S + SLACK_S, self._clock().up_s)
                if self._recorder.tick(self._clock()):
                    self._spread_out()
                for visit in self._due_visits():
                    self._busy.add(visit.lane)
                    visits.create_task(self._visit(visit))
                await self._sleep()

    def _hold_back(self, now: Moment) -> None:
        """Leave every device alone for as long as after a failure: who ended without a word may have asked it a moment ago."""
        earliest_s = now.up_s + self._rhythm.backoff_first_s
        self._due = {name: max(due, earliest_s) for name, due in self._due.items()}

    def _spread_out(self) -> None:
        """Ask what came due while everything stood still in a spread-out round, as after a start; every wait that is left stays."""
        now = self._clock()
        for name, due in self._due.items():
            first = first_due_s(self._turns.get(name), rhythm=self._rhythm, now=now, chance=self._chance.random())
            self._due[name] = max(due, first)

    def _due_visits(self) -> list[Visit]:
        if self._paused():
            return []
        return due_visits(
            self._stops,
            self._due,
            backing_off=[name for name, turn in self._turns.items() if turn.failures],
            busy=self._busy,
            room=VISITS_AT_ONCE - len(self._busy),
            now_s=self._clock().up_s,
            interval_s=self._rhythm.interval_s,
        )

    def _paused(self) -> str:
        """Return why nothing is asked now, or nothing; say it once when that changes."""
        now = self._clock()
        why = pause(self._windows, now, visit_s=self._longest_visit_s)
        if why != self._pause:
            name = "collect.paused" if why else "collect.resumed"
            self._recorder.record([event(name, why, now, subject="gateway")], [], now)
            _log.info(line(name, why=why))
            self._pause = why
        return why

    async def _sleep(self) -> None:
        """Wait until a visit ends or the next one is due; in a maintenance window, look at the clock now and then."""
        rests = self._pause or len(self._busy) >= VISITS_AT_ONCE
        free = [] if rests else [stop for stop in self._stops if stop.lane not in self._busy]
        waiting = [self._due[stop.asset_id] for stop in free]
        wait_s = min([LONGEST_SLEEP_S, *(due - self._clock().up_s for due in waiting)])
        self._visit_ended.clear()
        try:
            async with asyncio.timeout(max(wait_s, 0.01)):
                await self._visit_ended.wait()
        except TimeoutError:
            return

    async def _visit(self, visit: Visit) -> None:
        """Look at all assets of a visit; whatever happens, each of them gets its next turn."""
        chance = self._chance.random()
        left = [self._targets[name] for name in visit.asset_ids]
        self._under_way.update(visit.asset_ids)
        try:
            asks = [self._ask(target) for target in left]
            reader = self._readers[asks[0].endpoint.transport]
            self._alive(visit, asks)
            async with aclosing(reader.visit(asks)) as answers:
                async for answer in answers:
                    self._take(left.pop(0), answer, chance)
                    self._alive(visit, asks)
        except asyncio.CancelledError:
            for target in left:  # perhaps it was asked already: a start right after this stop must not ask it again
                self._leave_alone(target, chance)
            raise
        except ForbiddenRequestError as error:
            self.guard_fired_at = self._clock().text
            self.remark("guard.fired", str(error))
            _log.critical(line("guard.fired", lane=visit.lane, why=str(error)))
            raise
        except Exception:  # noqa: BLE001  # one device's surprise must not stop the others; it backs off and is logged
            _log.exception(line("visit.failed", lane=visit.lane, assets=len(left)))
        for target in left:
            self._leave_alone(target, chance)
        self._under_way.difference_update(visit.asset_ids)
        self._busy.discard(visit.lane)
        self._pulse.over(f"visit {visit.lane}")
        self._visit_ended.set()

    def _alive(self, visit: Visit, asks: Sequence[Ask]) -> None:
        """Say that a visit makes progress. Its next look may have to wait for those of other lanes: OPC UA has one child at a time."""
        longest_s = max(ask.limits.connect_timeout_s + ask.limits.visit_s for ask in asks)
        self._pulse.beat(f"visit {visit.lane}", VISITS_AT_ONCE * longest_s + SLACK_S, self._clock().up_s)

    def _ask(self, target: Target) -> Ask:
        """The question for an asset, with what was learned of it."""
        turn = self._turns.get(target.asset_id)
        return replace(target.ask, learned=tuple(turn.learned)) if turn else target.ask

    def _take(self, asked: Target, answer: Answer, chance: float) -> None:
        """Write down one answer and decide when its device is asked again."""
        name, target = asked.asset_id, self._targets.get(asked.asset_id)
        if target is None or target.address != asked.address:
            return  # the plant file has changed since: nobody asked for this any more
        now, before = self._clock(), self._states.get(name)
        look = observe(answer, asset_id=name, address=target.address, register=target.register, now=now)
        last_turn = self._turns.get(name)
        turn = next_turn(last_turn, look.outcome, answer.learned, rhythm=self._rhythm, now=now, chance=chance)
        after = after_look(before, look)
        self._states[name], self._turns[name], self._due[name] = after, turn, due_s(turn)
        found = news(before, look)
        if newly_quarantined(last_turn, turn):
            why = f"{turn.harm_signs} refused looks in a row; left alone for {turn.wait_s:.0f} s. {look.detail}"
            found.append(event("endpoint.quarantined", why, now, subject=name))
        states = [newest("asset", name, after, now), newest("endpoint", name, turn, now)]
        self._recorder.record(found, states, now, at_once=turn.failures > 0)
        level = _log.info if found else _log.debug
        level(line(f"asset.{look.outcome}", asset=name, detail=look.detail, wait_s=round(turn.wait_s), records=len(found)))

    def _leave_alone(self, target: Target, chance: float) -> None:
        """Back off from a device that a failed visit did not get to. Nothing was seen, so nothing is said of it."""
        name, now = target.asset_id, self._clock()
        if self._targets.get(name, target).address != target.address:
            return
        turn = next_turn(self._turns.get(name), "not looked at", (), rhythm=self._rhythm, now=now, chance=chance)
        self._turns[name], self._due[name] = turn, due_s(turn)
        self._recorder.record([], [newest("endpoint", name, turn, now)], now, at_once=True)


def _longest_visit_s(targets: Sequence[Target]) -> float:
    """How long a visit may take at the most: a window must not begin while a device is being asked."""
    slots: dict[tuple[str, str], float] = {}
    for target in targets:
        limits, slot = target.ask.limits, (target.stop.lane, target.stop.slot)
        slots[slot] = slots.get(slot, limits.connect_timeout_s) + limits.visit_s
    return max(slots.values(), default=0.0)
