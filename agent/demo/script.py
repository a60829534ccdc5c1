"""The play: what happens to the demo's plant, and when.

Decides the order of events and which changes the receiver must therefore know at the end. Pure: whoever performs a cue, and on
which clock, is `agent.demo.stage`'s business.
"""

from dataclasses import dataclass
from enum import StrEnum

SHORTEST_S = 30
OUTAGE_S = 10.0
ABSENCE_S = 8.0
"""A device that is away must be missed: longer than the longest pause between two visits (4 s and a fifth)."""


class Act(StrEnum):
    """What a cue does to the plant."""

    OPEN = "open"  # nothing: the curtain
    UPDATE = "update"  # a device gets another firmware
    LEAVE = "leave"  # a device is switched off
    RETURN = "return"  # and on again
    KILL_BROKER = "kill-broker"
    START_BROKER = "start-broker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """One event of the play.

    Attributes:
        at_s: When, in seconds after the curtain.
        act: What happens.
        headline: What a person is told.
        asset_id: To which device, or empty.
        before: Its firmware until now; `Act.UPDATE` only.
        after: Its firmware from now on; `Act.UPDATE` only.
    """

    at_s: float
    act: Act
    headline: str
    asset_id: str = ""
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Expected:
    """A change that the receiver must hold exactly once, in the words of the report `change/1`."""

    asset_id: str
    change: str
    field: str
    before: str
    after: str


def script(seconds: float) -> tuple[Cue, ...]:
    """Write the play for a stage that is open this long, at least `SHORTEST_S`.

    The broker's outage is always ten seconds, and a firmware changes in the midst of it: a report that can only be delivered
    later is what the gateway is for.

    >>> [(cue.at_s, cue.act.value) for cue in script(60)][:3]
    [(0.0, 'open'), (12.0, 'update'), (18.0, 'leave')]
    """
    away = 0.3 * seconds
    back = away + max(ABSENCE_S, 0.15 * seconds)
    outage = max(back + 1, 0.55 * seconds)
    return (
        Cue(at_s=0.0, act=Act.OPEN, headline="the gateway meets the plant for the first time"),
        _update(0.2 * seconds, "press-07-plc", "2.1", "2.2"),
        Cue(at_s=away, act=Act.LEAVE, asset_id="conveyor-3-io", headline="conveyor-3-io is switched off"),
        Cue(at_s=back, act=Act.RETURN, asset_id="conveyor-3-io", headline="conveyor-3-io is switched on again"),
        Cue(at_s=outage, act=Act.KILL_BROKER, headline="the broker is killed (kill -9) for ten seconds"),
        _update(outage + 3, "tank-coupler", "10.7(04)", "10.8(04)"),
        Cue(at_s=outage + OUTAGE_S, act=Act.START_BROKER, headline="the broker is back; what waited is delivered"),
    )


def expected_changes(cues: tuple[Cue, ...]) -> tuple[Expected, ...]:
    """Return the changes that these cues make and that the receiver must therefore know, each once."""
    found: list[Expected] = []
    for cue in cues:
        match cue.act:
            case Act.UPDATE:
                found.append(Expected(cue.asset_id, "changed", "firmware_version", cue.before, cue.after))
            case Act.LEAVE:
                found.append(Expected(cue.asset_id, "lost", "outcome", "identified", "unreachable"))
            case Act.RETURN:
                found.append(Expected(cue.asset_id, "returned", "outcome", "unreachable", "identified"))
            case Act.OPEN | Act.KILL_BROKER | Act.START_BROKER:
                pass
    return tuple(found)


def _update(at_s: float, asset_id: str, before: str, after: str) -> Cue:
    headline = f"firmware of {asset_id} changes from {before} to {after}"
    return Cue(at_s=at_s, act=Act.UPDATE, asset_id=asset_id, before=before, after=after, headline=headline)
