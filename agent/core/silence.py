"""When the gateway was not looking, so that silence is never mistaken for health. Pure.

Decides from two signs of life, and from two looks at one device, whether there was such a span and why. Never guesses an end:
a span ends with the moment at which somebody looked again. Its beginning is the last sign of life that survived, so it may be
too early by the pause between two of them and is never too late.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec

from agent.core.asset import AssetState
from agent.core.moment import ClockState, Moment, elapsed_s, rfc3339
from agent.core.observation import Name, Observation, Text

HEARTBEAT_S = 3600.0
"""A sign of life at least this often. Each costs flash; what a shorter pause would add is precision after a power cut only."""


LONGEST_PAUSE_S = 120.0
"""Between two ticks of a collect that runs: it sleeps a minute at most, and may be slow for another one. Uptime counts suspend, so what
is longer was a suspended machine, a paused one whose clock went on, or a process that was stopped."""


class SilenceReason(StrEnum):
    """Why nobody was looking, or why it does not count."""

    POWER_OFF = "power-off"  # the machine was off, or started anew
    STOPPED = "stopped"  # the machine ran, collect did not
    CLOCK = "clock"  # it looked, but the times of these records are wrong
    DEVICE = "device"  # the device told nothing: silent, unreachable, refused
    LOST = "lost"  # it looked, and what it wrote down is gone


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sign of life, written with every transaction.

    Attributes:
        moment: When.
        stopped: Whether it was the last one, because collect was told to stop.
    """

    moment: Moment
    stopped: bool = False


class Silence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A span in which nothing can be concluded from silence.

    Attributes:
        asset_id: Which asset, or None for the whole plant.
        since: Wall clock at the last sign of life before, RFC 3339.
        until: Wall clock at the first one after, RFC 3339.
        lasted_s: How long it surely lasted. Where the clocks of both ends cannot be compared, less than `until - since`.
        clock: How far both times can be believed: as far as the worse of the two.
        reason: Why.
        records: How many records are gone; 0 if none, or if that is not known.
        detail: One sentence for a person.
    """

    asset_id: Name | None
    since: Name
    until: Name
    lasted_s: Annotated[float, msgspec.Meta(ge=0)]
    clock: ClockState
    reason: SilenceReason
    records: Annotated[int, msgspec.Meta(ge=0)] = 0
    detail: Text = ""


def between(before: Moment, now: Moment, reason: SilenceReason, detail: str, *, records: int = 0) -> Silence:
    """Return the span between two moments, for the whole plant."""
    return Silence(
        asset_id=None,
        since=before.text,
        until=now.text,
        lasted_s=elapsed_s(before, now),
        clock=_worse(before, now),
        reason=reason,
        records=records,
        detail=detail,
    )


def at_start(heartbeat: Heartbeat | None, now: Moment) -> Silence | None:
    """Return the span for which collect was away, at its start; None if it never ran before.

    >>> was = Moment(at_s=0.0, up_s=9.0, boot="a", clock=ClockState.SYNC)
    >>> now = Moment(at_s=60.0, up_s=2.0, boot="b", clock=ClockState.UNSYNC)
    >>> away = at_start(Heartbeat(moment=was), now)
    >>> away.reason.value, away.clock.value, away.lasted_s
    ('power-off', 'unsync', 60.0)
    """
    if heartbeat is None:
        return None
    before = heartbeat.moment
    how = "it was stopped" if heartbeat.stopped else "it ended without a word; looks since its last sign of life may be missing"
    if before.boot == now.boot:
        return between(before, now, SilenceReason.STOPPED, f"collect did not run: {how}")
    return between(before, now, SilenceReason.POWER_OFF, f"the machine was off or started anew: {how}")


def frozen(last_tick: Moment, now: Moment, *, longest_pause_s: float = LONGEST_PAUSE_S) -> Silence | None:
    """Return the span for which a collect that runs stood still; None if it did not.

    >>> was = Moment(at_s=0.0, up_s=0.0, boot="a", clock=ClockState.SYNC)
    >>> frozen(was, Moment(at_s=61.0, up_s=61.0, boot="a", clock=ClockState.SYNC))
    >>> frozen(was, Moment(at_s=36_000.0, up_s=36_000.0, boot="a", clock=ClockState.SYNC)).lasted_s
    36000.0
    """
    if elapsed_s(last_tick, now) <= longest_pause_s:
        return None
    return between(
        last_tick, now, SilenceReason.STOPPED, "collect stood still: the machine was suspended or paused, or the process stopped"
    )


def clock_mended(started: Moment, now: Moment) -> Silence | None:
    """Return the span whose times are wrong, once the clock is known to be right; None while it is not.

    Both ends are told by the clock that is right now, so that a reader can place what was recorded in between: by `up` and `boot`.

    Args:
        started: A moment of this boot at which the clock was `unsync`.
        now: This moment.
    """
    if started.clock is not ClockState.UNSYNC or now.clock is not ClockState.SYNC or started.boot != now.boot:
        return None
    lasted_s = elapsed_s(started, now)
    off_s = now.at_s - lasted_s - started.at_s
    return Silence(
        asset_id=None,
        since=rfc3339(now.at_s - lasted_s),
        until=now.text,
        lasted_s=lasted_s,
        clock=ClockState.SYNC,
        reason=SilenceReason.CLOCK,
        detail=f"the clock was not set; it was wrong by {off_s:.0f} s when collect started",
    )


def of_device(before: AssetState | None, look: Observation) -> Silence | None:
    """Return the span in which a device told nothing, once it tells who it is again; None if there was none."""
    if before is None or before.last_seen_at is None or before.observation.identified or not look.identified:
        return None
    since, until = (datetime.fromisoformat(at) for at in (before.last_seen_at, look.observed_at))
    return Silence(
        asset_id=look.asset_id,
        since=before.last_seen_at,
        until=look.observed_at,
        lasted_s=max(0.0, (until - since).total_seconds()),
        clock=_worse(before.observation.moment, look.moment),
        reason=SilenceReason.DEVICE,
        detail=before.observation.outcome,
    )


def _worse(one: Moment, other: Moment) -> ClockState:
    return max(one.clock, other.clock, key=list(ClockState).index)
