"""How collect is, as publish can see it: what it wrote into the journal, and whether the word that it leaves in memory is still fresh.

Decides where to look (`agent.core.vitals` decides what it means). Never asks collect anything, and never waits for it.
"""

from collections.abc import Callable
from pathlib import Path

from agent.core.moment import Moment, elapsed_s
from agent.core.vitals import Vitals, seen_from_outside
from agent.status import files

Neighbour = Callable[[Vitals | None, Moment], Vitals | None]


def neighbour(state_dir: Path, since: Moment, *, run_dir: Path | None = None) -> Neighbour:
    """Return what adds to collect's own words what can be seen of it from outside.

    Args:
        state_dir: Which gateway of this machine.
        since: When whoever looks began to.
        run_dir: Where systemd makes the folders of roles; None: as it told this process.
    """

    def seen(told: Vitals | None, now: Moment) -> Vitals | None:
        sign = files.read_sign("collect", state_dir, run_dir=run_dir)
        return seen_from_outside(told, sign, now, watched_s=elapsed_s(since, now))

    return seen


def as_told(told: Vitals | None, _now: Moment) -> Vitals | None:
    """Believe what collect told last, however old it is."""
    return told
