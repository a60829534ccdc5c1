"""Whether publish still hears of the journal: for how long it has not been able to read it, and what follows from that. Pure.

Decides when a person is told, and when only a new process can help. Never reads a clock, and never takes a look that is merely slow,
or a journal that its writer holds for a moment, for trouble.
"""

from dataclasses import dataclass

TROUBLE_AFTER_S = 60.0
"""A writer holds its file for milliseconds, and for seconds on a slow card."""

LOST_AFTER_S = 600.0
"""A look that has not come back by then never will: it hangs in the kernel, or somebody else's file keeps it. Each new process costs
the broker's connection, so whoever can make a look hang must not be able to interrupt delivery more often than this."""


@dataclass(slots=True)
class Hearing:
    """Since when the journal could not be read, and since when a look into it has been out."""

    _deaf_since_s: float | None = None
    _out_since_s: float | None = None
    _why: str = ""

    def heard(self) -> None:
        """Take note that the journal was read, or that there is none to read."""
        self._deaf_since_s, self._out_since_s, self._why = None, None, ""

    def missed(self, why: str, now_s: float, *, is_out: bool) -> None:
        """Take note that the journal could not be read.

        Args:
            why: One sentence.
            now_s: Uptime, seconds.
            is_out: Whether a look has not come back.
        """
        self._why = why
        self._deaf_since_s = now_s if self._deaf_since_s is None else self._deaf_since_s
        if not is_out:
            self._out_since_s = None
        elif self._out_since_s is None:
            self._out_since_s = now_s

    def trouble(self, now_s: float) -> str:
        """Return what a person should know, in the same words for as long as it lasts; or nothing.

        >>> hearing = Hearing()
        >>> hearing.missed("its writer holds it", 100.0, is_out=False)
        >>> hearing.trouble(159.0), hearing.trouble(160.0)
        ('', 'the journal cannot be read, so nothing new is reported: its writer holds it')
        """
        if self._deaf_since_s is None or now_s - self._deaf_since_s < TROUBLE_AFTER_S:
            return ""
        return f"the journal cannot be read, so nothing new is reported: {self._why}"

    def is_lost(self, now_s: float) -> bool:
        """Tell whether a look has been out for so long that only a new process will hear again.

        >>> hearing = Hearing()
        >>> hearing.missed("a look has not come back", 0.0, is_out=True)
        >>> hearing.is_lost(599.0), hearing.is_lost(600.0)
        (False, True)
        """
        return self._out_since_s is not None and now_s - self._out_since_s >= LOST_AFTER_S
