"""Which task of a role has stopped making progress. Pure.

Decides from the promises of the tasks themselves: each says by when it will be heard of again, and one that is not is overdue.
Never reads a clock, never ends a task, and never beats for one: a watchdog that is fed by a timer guards nothing but the timer.
"""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Pulse:
    """By when each task will have said something."""

    _until_s: dict[str, float] = field(default_factory=dict)

    def beat(self, task: str, within_s: float, now_s: float) -> None:
        """Take a task's word that it makes progress, and will be heard of again.

        Args:
            task: Its name; a person reads it in the log.
            within_s: How long its next step may take at the most, seconds, with room for a slow machine.
            now_s: Uptime, seconds.
        """
        self._until_s[task] = now_s + within_s

    def over(self, task: str) -> None:
        """Forget a task that has come to its end."""
        self._until_s.pop(task, None)

    def rest(self) -> None:
        """Forget every task: none is wanted now."""
        self._until_s.clear()

    def overdue(self, now_s: float) -> list[str]:
        """Return the tasks that have not kept their word, by name.

        >>> pulse = Pulse()
        >>> pulse.beat("fold", 10.0, now_s=0.0)
        >>> pulse.beat("delivery", 99.0, now_s=0.0)
        >>> pulse.overdue(10.0), pulse.overdue(10.1)
        ([], ['fold'])
        """
        return sorted(task for task, until_s in self._until_s.items() if now_s > until_s)
