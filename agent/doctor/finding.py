"""One thing that was looked at, what was seen, and what to do about it.

Decides nothing but the order of states.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How it stands, from good to bad."""

    OK = "ok"
    UNKNOWN = "unknown"  # could not be looked at
    WARN = "warn"  # works, and promises less than it should
    BAD = "bad"  # a promise of this program does not hold here


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check.

    Attributes:
        name: What was looked at, one word or two with a hyphen.
        state: How it stands.
        detail: What was seen, as a sentence without a full stop.
        remedy: What to do, as a sentence; empty if nothing is to be done.
    """

    name: str
    state: State
    detail: str
    remedy: str = ""


def worst(findings: Iterable[Finding]) -> State:
    """Return the worst state there is.

    >>> worst([Finding("clock", State.WARN, ""), Finding("volume", State.OK, "")])
    <State.WARN: 'warn'>
    """
    order = list(State)
    return max((finding.state for finding in findings), key=order.index, default=State.OK)
