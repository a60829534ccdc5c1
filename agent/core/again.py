"""When a role that failed is tried again inside the process that it shares with the other one. Pure.

Decides the pause and when to give up. The figures are those of the roles' own units (`RestartSec=`, `StartLimitBurst=`), so that a
bug which ends every visit is no more of a scan in the single process than it is in the pair. Never starts anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """How often one role is tried.

    Attributes:
        pause_s: From its failure to the next attempt.
        most: Attempts within `within_s`; 0: without an end.
        within_s: For how long a failure counts.
    """

    pause_s: float
    most: int = 0
    within_s: float = 86_400.0

    def wait_s(self, failed_s: Sequence[float]) -> float | None:
        """Return how long to wait after the last failure; None where it is no accident any more.

        Args:
            failed_s: Uptime at each failure so far, the last one last.

        >>> Again(pause_s=900.0, most=2).wait_s([10.0])
        900.0
        >>> Again(pause_s=900.0, most=2).wait_s([10.0, 920.0])
        """
        lately = [at_s for at_s in failed_s if failed_s[-1] - at_s < self.within_s]
        return None if self.most and len(lately) >= self.most else self.pause_s


AGAIN: Mapping[str, Again] = MappingProxyType(
    {
        "collect": Again(pause_s=900.0, most=20),  # as long as the first back-off of a device that does not answer
        "publish": Again(pause_s=60.0),  # the only voice that a gateway has, and one connection a minute harms no broker
    }
)
