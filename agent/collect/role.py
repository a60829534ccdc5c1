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
from typing import TypeVar

import msgspec

from agent.clock import Clock
from agent.collect.observe import observe
from agent.collect.recorder import Recorder, draft
from agent.core.asset import AssetState, after_look
from agent.core.change import changes
from agent.core.moment import Moment
from agent.core.observation import Event, Observation, Register, same_content
from agent.core.schedule import Rhythm, Stop, Turn, Visit, due_s, due_visits, first_due_s, next_turn
from agent.log import line, logger
from buffer.record import Draft, State
from protocols.contract import Answer, Ask, Reader, Transport
from protocols.errors import ForbiddenRequestError

VISITS_AT_ONCE = 8
"""Hosts that are visited side by side, one connection each. Enough that a dead host holds nobody up, few enough for a small
machine and for a firewall that counts connections."""

LONGEST_SLEEP_S = 60.0

_log = logger("collect")

_Form = TypeVar("_Form", bound=msgspec.Struct)


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
    """Looks at every target in its turn and writes down what it saw."""

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
        recovered: str | None = None,
    ) -> None:
        self._targets = {target.asset_id: target for target in targets}
        self._stops = [target.stop for target in targets]
        self._readers = readers
        self._recorder = recorder
        self._rhythm = rhythm
        self._clock = clock
        self._chance = chance
        self._states = _decoded(states, AssetState)
        self._turns = _decoded(turns, Turn)
        now = clock()
        self._due = {
            name: first_due_s(self._turns.get(name), rhythm=rhythm, now=now, chance=chance.random()) for name in self._targets
        }
        self._recovered = recovered
        self._busy: set[str] = set()
        self._visit_ended = asyncio.Event()

    async def run(self) -> None:
        """Look at the plant until cancelled.

        Raises:
            ForbiddenRequestError: The read-only guard fired. Nothing was sent; the role must not go on.
        """
        now = self._clock()
        events = [Event(name="collect.started", at=now.text, moment=now, detail=f"{len(self._targets)} assets")]
        if self._recovered:
            events.insert(0, Event(name="journal.damaged", at=now.text, moment=now, detail=self._recovered[:1024]))
        self._recorder.record([draft("event", "gateway", event, now.text) for event in events], [], now)
        _log.info(line("collect.started", assets=len(self._targets), lanes=len({stop.lane for stop in self._stops})))
        async with asyncio.TaskGroup() as visits:
            while True:
                for visit in self._due_visits():
                    self._busy.add(visit.lane)
                    visits.create_task(self._visit(visit))
                await self._sleep()

    def _due_visits(self) -> list[Visit]:
        return due_visits(
            self._stops,
            self._due,
            backing_off=[name for name, turn in self._turns.items() if turn.failures],
            busy=self._busy,
            room=VISITS_AT_ONCE - len(self._busy),
            now_s=self._clock().up_s,
            interval_s=self._rhythm.interval_s,
        )

    async def _sleep(self) -> None:
        """Wait until a visit ends or the next one is due."""
        waiting = [self._due[stop.asset_id] for stop in self._stops if stop.lane not in self._busy]
        wait_s = min([LONGEST_SLEEP_S, *(due - self._clock().up_s for due in waiting)])
        self._visit_ended.clear()
        if len(self._busy) >= VISITS_AT_ONCE:
            await self._visit_ended.wait()
            return
        try:
            async with asyncio.timeout(max(wait_s, 0.01)):
                await self._visit_ended.wait()
        except TimeoutError:
            return

    async def _visit(self, visit: Visit) -> None:
        """Look at all assets of a visit; whatever happens, each of them gets its next turn."""
        chance = self._chance.random()
        left = list(visit.asset_ids)
        try:
            asks = [self._ask(name) for name in left]
            reader = self._readers[asks[0].endpoint.transport]
            async with aclosing(reader.visit(asks)) as answers:
                async for answer in answers:
                    self._take(left.pop(0), answer, chance)
        except ForbiddenRequestError:
            raise
        except Exception:  # noqa: BLE001  # one device's surprise must not stop the others; it backs off and is logged
            _log.exception(line("visit.failed", lane=visit.lane, assets=len(left)))
        for name in left:
            self._leave_alone(name, chance)
        self._busy.discard(visit.lane)
        self._visit_ended.set()

    def _ask(self, name: str) -> Ask:
        """The question for an asset, with what was learned of it."""
        turn = self._turns.get(name)
        ask = self._targets[name].ask
        return replace(ask, learned=tuple(turn.learned)) if turn else ask

    def _take(self, name: str, answer: Answer, chance: float) -> None:
        """Write down one answer and decide when its device is asked again."""
        now, target, before = self._clock(), self._targets[name], self._states.get(name)
        look = observe(answer, asset_id=name, address=target.address, register=target.register, now=now)
        turn = next_turn(self._turns.get(name), look.outcome, answer.learned, rhythm=self._rhythm, now=now, chance=chance)
        after = after_look(before, look)
        self._states[name], self._turns[name], self._due[name] = after, turn, due_s(turn)
        news = _news(before, look)
        states = [_state("asset", name, after, now), _state("endpoint", name, turn, now)]
        self._recorder.record(news, states, now)
        level = _log.info if news else _log.debug
        level(line(f"asset.{look.outcome}", asset=name, detail=look.detail, wait_s=round(turn.wait_s), records=len(news)))

    def _leave_alone(self, name: str, chance: float) -> None:
        """Back off from a device that a failed visit did not get to. Nothing was seen, so nothing is said of it."""
        now = self._clock()
        turn = next_turn(self._turns.get(name), "not looked at", (), rhythm=self._rhythm, now=now, chance=chance)
        self._turns[name], self._due[name] = turn, due_s(turn)
        self._recorder.record([], [_state("endpoint", name, turn, now)], now)


def _news(before: AssetState | None, look: Observation) -> list[Draft]:
    """The records that a look is worth: none where nothing is new."""
    if before and same_content(before.observation, look):
        return []
    found = changes(before, look)
    subject, at = look.asset_id, look.observed_at
    return [draft("observation", subject, look, at), *(draft("change", subject, change, at) for change in found)]


def _state(kind: str, subject: str, body: msgspec.Struct, now: Moment) -> State:
    return State(kind=kind, subject=subject, at=now.text, body=msgspec.json.encode(body))


def _decoded(states: Mapping[str, State], form: type[_Form]) -> dict[str, _Form]:
    """Read states of an earlier run; one that cannot be read is forgotten, which costs a look and a log line."""
    found: dict[str, _Form] = {}
    for subject, state in states.items():
        try:
            found[subject] = msgspec.json.decode(state.body, type=form)
        except msgspec.MsgspecError as error:
            _log.warning(line("state.unreadable", subject=subject, why=str(error)))
    return found
