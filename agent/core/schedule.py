"""When which endpoint is looked at: the one owner of politeness between visits.

Decides who is due, what may run side by side, and how long a device that failed is left alone. Never connects, never waits,
never reads a clock or rolls a die: now and chance are arguments. Politeness within a visit (gap, requests, time-outs) is the
reader's, with the limits that come from the plant file.

The unit of a visit is a *slot*: all units behind one connection, looked at one after another. The unit of exclusion is a
*lane*: one host or one serial line, which never carries two visits at once.

Source: docs/decisions/0008-politeness.md.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import msgspec

from agent.core.moment import Moment, elapsed_s
from agent.core.observation import Text

WELL = frozenset({"identified", "anonymous"})
"""Outcomes of a device that is well: it comes round at the normal interval. All others are left alone for longer each time."""

HARM_SIGNS = frozenset({"refused"})
"""Outcomes of a device that does not want to be asked: it hung up, broke the connection, or said no. A device that is off or
silent gives no such sign."""

QUARANTINE_AFTER = 3
"""Signs of harm in a row after which an endpoint is left alone for `QUARANTINE_S`, whatever the back-off would say. One can be
chance and two a restart; at the third somebody should look."""

QUARANTINE_S = 86_400.0

JITTER = 0.2
"""Share of the interval by which visits are spread, so that no two gateways and no two devices beat in time."""

START_SPREAD = 0.1
"""Share of the interval, at most `LONGEST_START_SPREAD_S`, over which first visits are spread after a start."""

LONGEST_START_SPREAD_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often, from the plant file.

    Attributes:
        interval_s: Between two looks at a device that is well.
        backoff_first_s: After the first failure; doubles with each further one.
        backoff_longest_s: Where doubling ends.
    """

    interval_s: float = 21_600.0
    backoff_first_s: float = 900.0
    backoff_longest_s: float = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One endpoint of the round.

    Attributes:
        asset_id: The asset it belongs to.
        lane: The host or serial line.
        slot: The connection that it shares with its neighbours behind it.
    """

    asset_id: str
    lane: str
    slot: str


class Turn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is remembered of an endpoint between visits, also over a restart.

    Attributes:
        asked: When it was last asked; after a reboot, when the gateway started.
        wait_s: How long it is left alone from then on.
        failures: Failed looks in a row.
        harm_signs: Looks in a row, the last one included, at which the device did not want to be asked.
        learned: What the reader wants to be told next time.
    """

    asked: Moment
    wait_s: float
    failures: int = 0
    harm_signs: int = 0
    learned: list[Text] = []

    @property
    def quarantined(self) -> bool:
        """Whether it is left alone because it did not want to be asked, again and again."""
        return self.harm_signs >= QUARANTINE_AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A visit that is due: one lane, one slot, one or more assets in a fixed order."""

    lane: str
    slot: str
    asset_ids: tuple[str, ...]


def next_turn(before: Turn | None, outcome: str, learned: Iterable[str], *, rhythm: Rhythm, now: Moment, chance: float) -> Turn:
    """Decide how long an endpoint is left alone after a look.

    Args:
        before: Its turn so far, or None after the first look.
        outcome: How the look ended.
        learned: What the reader wants to be told next time. What it said before is kept over a failure, and not longer: a device
            that answers, and teaches nothing, has become another one.
        rhythm: Intervals from the plant file.
        now: The end of the look.
        chance: 0 to 1; the same for all units of a visit keeps them together.

    >>> from agent.core.moment import ClockState
    >>> now = Moment(at_s=0.0, up_s=0.0, boot="a", clock=ClockState.SYNC)
    >>> [round(next_turn(None, outcome, (), rhythm=Rhythm(), now=now, chance=0.5).wait_s) for outcome in ("identified", "silent")]
    [21600, 990]
    """
    failures = 0 if outcome in WELL else (before.failures if before else 0) + 1
    harm_signs = (before.harm_signs if before else 0) + 1 if outcome in HARM_SIGNS else 0
    known = list(learned) or (list(before.learned) if before and failures else [])
    wait_s = _wait_s(failures, harm_signs, rhythm, chance)
    return Turn(asked=now, wait_s=wait_s, failures=failures, harm_signs=harm_signs, learned=known)


def newly_quarantined(before: Turn | None, after: Turn) -> bool:
    """Tell whether an endpoint went into quarantine with this look: once for each time, for the event that reports it."""
    return after.quarantined and not (before is not None and before.quarantined)


def _wait_s(failures: int, harm_signs: int, rhythm: Rhythm, chance: float) -> float:
    """Decide how long an endpoint is left alone. A wait after a failure is never cut short by chance."""
    if not failures:
        return rhythm.interval_s * (1.0 + JITTER * (2.0 * chance - 1.0))
    doubled = min(rhythm.backoff_first_s * 2.0 ** min(failures - 1, 32), rhythm.backoff_longest_s)
    least = QUARANTINE_S if harm_signs >= QUARANTINE_AFTER else 0.0
    return max(doubled, least) * (1.0 + JITTER * chance)


def carried_over(turn: Turn, *, alive: Moment | None, now: Moment) -> Turn:
    """Return what is left of a wait after a reboot, to be waited for from now.

    Where the clock starts in the past again, what the gateway waited in the boot before must count: else a device that is left alone
    for a day would never be asked by a gateway that is switched off every night.

    Args:
        turn: As it was written down.
        alive: The last sign of life of the run before, or None.
        now: The start of this one.
    """
    if turn.asked.boot == now.boot:
        return turn
    passed_s = elapsed_s(turn.asked, now)
    if alive is not None and alive.boot == turn.asked.boot:
        passed_s = max(passed_s, elapsed_s(turn.asked, alive))
    return msgspec.structs.replace(turn, asked=now, wait_s=max(0.0, turn.wait_s - passed_s))


def first_due_s(turn: Turn | None, *, rhythm: Rhythm, now: Moment, chance: float) -> float:
    """Decide when an endpoint is due after a start of the gateway, as uptime in seconds.

    What is left of an earlier wait is waited for, so that a crash loop never becomes a scan. Nobody is asked at once: a whole
    plant that starts together is asked in a spread-out round.
    """
    spread_s = min(rhythm.interval_s * START_SPREAD, LONGEST_START_SPREAD_S) * chance
    left_s = turn.wait_s - elapsed_s(turn.asked, now) if turn else 0.0
    return now.up_s + max(left_s, spread_s)


def due_s(turn: Turn) -> float:
    """Return when an endpoint is due again, as uptime of the boot in which it was asked."""
    return turn.asked.up_s + turn.wait_s


def due_visits(
    stops: Iterable[Stop],
    due: Mapping[str, float],
    *,
    backing_off: Collection[str],
    busy: Collection[str],
    room: int,
    now_s: float,
    interval_s: float,
) -> list[Visit]:
    """Choose the visits that start now, the longest overdue first.

    A unit that is due brings its healthy neighbours along if they are nearly due, because the connection costs the device
    more than one more request. A unit that is being left alone is never brought along.

    Args:
        stops: Every endpoint of the plant.
        due: Asset id to the uptime at which it is due.
        backing_off: Assets that failed last time.
        busy: Lanes with a visit under way.
        room: How many more visits may run.
        now_s: Uptime.
        interval_s: Normal interval, for what "nearly" means.
    """
    slots: dict[tuple[str, str], list[Stop]] = {}
    for stop in stops:
        slots.setdefault((stop.lane, stop.slot), []).append(stop)
    chosen: list[Visit] = []
    taken = set(busy)
    for (lane, slot), members in sorted(slots.items(), key=lambda item: min(due[stop.asset_id] for stop in item[1])):
        if len(chosen) >= room or min(due[stop.asset_id] for stop in members) > now_s:
            break
        if lane in taken:
            continue
        taken.add(lane)
        chosen.append(Visit(lane=lane, slot=slot, asset_ids=_company(members, due, backing_off, now_s, interval_s)))
    return chosen


def _company(
    members: list[Stop], due: Mapping[str, float], backing_off: Collection[str], now_s: float, interval_s: float
) -> tuple[str, ...]:
    """The units of a slot that this visit looks at."""
    nearly_s = now_s + 2.0 * JITTER * interval_s
    return tuple(stop.asset_id for stop in members if due[stop.asset_id] <= (now_s if stop.asset_id in backing_off else nearly_s))
