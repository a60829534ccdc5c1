"""How a role lives as a process: signals in, exit code out, systemd and people informed.

Decides when a role ends and with which exit code, whether the watchdog is told that all is well, and, where two roles share one
process, when the one that failed is tried again. Never decides what a role does, and never starts a process again: systemd does, and
its start limit keeps a bug from becoming a scan.

    SIGTERM, SIGINT   the roles finish what they do
    SIGHUP            the roles read the plant file again, and keep the one they have if the new one is bad
    watchdog          fed while every task of every role keeps its word (`agent.core.pulse`)

A lone role that fails ends its process. Beside another one it rests: for its pause, or for good where only a person can mend it. The
process ends when no role is left that works or will be tried here; where all of them may be mended by a new start, systemd makes one.
"""

import asyncio
import faulthandler
import gc
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from agent.core.again import AGAIN, Again
from agent.core.pulse import Pulse
from agent.ending import Ending, Exit, ending, leaves, worst
from agent.log import line, logger, settle
from agent.notify import notify, reloading, watchdog_s

__all__ = ["Exit", "Role", "Running", "run"]

STDERR = 2

TELL_EVERY_S = 15.0
"""How often a role leaves word of how it is, and the watchdog is fed at least."""

MOST_STATUS_LETTERS = 1024

_log = logger("service")


def _nothing(_why: str) -> None:
    """Leave no word: not yet, or not any more."""


@dataclass(frozen=True, slots=True)
class Rest:
    """What keeps a role from its work, beside another one that goes on.

    Attributes:
        error: What it failed with.
        ending: What that means.
        again_s: After how long it is tried again; None if not at all.
    """

    error: Exception
    ending: Ending
    again_s: float | None

    @property
    def sentence(self) -> str:
        """For people."""
        if self.again_s is None:
            return f"has ended: {self.ending.sentence}"
        return f"failed and is tried again after {self.again_s:g} s: {self.ending.sentence}"


@dataclass(slots=True)
class Running:
    """A role as the process around it knows it.

    Attributes:
        name: Of the role.
        pulse: Where its tasks say that they make progress.
        leave_word: Writes down for people how the role is; its argument is why it ended, empty while it runs.
        follow: Reads the plant file again; returns a sentence for what could not be followed, or nothing.
        at_rest: The same while the role does nothing: what is read holds when it begins.
        waits: Tells what it waits for, as the rest of a sentence, or nothing.
        is_ready: Whether it does its work.
        rests: Why it does nothing, beside a role that goes on.
    """

    name: str
    pulse: Pulse
    _changed: Callable[[], None]
    leave_word: Callable[[str], None] = field(default=_nothing)
    follow: Callable[[], str] = field(default=str)
    at_rest: Callable[[], str] = field(default=str)
    waits: Callable[[], str] = field(default=str)
    is_ready: bool = field(default=False, init=False)
    rests: Rest | None = field(default=None, init=False)

    def ready(self) -> None:
        """Say that the role's files are open and it can do its work."""
        self.is_ready = True
        self._changed()

    def rest(self, rests: Rest) -> None:
        """Do nothing any more, or for a while, beside a role that goes on: whoever waits for this one need not."""
        self.leave_word(rests.sentence.removeprefix("has ended: "))
        self.pulse, self.leave_word, self.follow, self.waits = Pulse(), _nothing, self.at_rest, str
        self.rests = rests
        self.ready()

    @property
    def state(self) -> str:
        """What keeps it from its work, as the rest of a sentence; nothing while it works."""
        return self.rests.sentence if self.rests else self.waits()


Role = Callable[[Running], Awaitable[None]]
"""A role puts its functions into `Running`, says that it is ready, and works until it is cancelled."""


def run(roles: Mapping[str, Role], again: Mapping[str, Again] = AGAIN) -> None:
    """Run roles until SIGTERM or SIGINT, then let them finish what they do.

    The failure that ended the process is the caller's: it decides the exit code. Of several roles, one that fails leaves the others
    running: a gateway that cannot sign still collects.

    Args:
        roles: By their names.
        again: When each is tried again after a failure; one that is not named here is not.
    """
    faulthandler.enable(STDERR)  # the watchdog's SIGABRT then leaves in the journal where we hung
    try:
        asyncio.run(_Process(roles, again).run())
    except ExceptionGroup as group:
        raise next(leaves(group)) from group


class _Process:
    """Some roles, and what happens to them from outside."""

    def __init__(self, roles: Mapping[str, Role], again: Mapping[str, Again]) -> None:
        self._roles = roles
        self._again = again
        self._running = {name: Running(name, Pulse(), self._changed) for name in roles}
        self._tasks: list[asyncio.Future[None]] = []
        self._started = False
        self._stopping = False
        self._fatal: Exception | None = None
        self._trouble = ""

    async def run(self) -> None:
        """Run the roles to their end."""
        loop = asyncio.get_running_loop()
        self._tasks = [asyncio.ensure_future(self._supervised(name, role)) for name, role in self._roles.items()]
        watch = asyncio.ensure_future(self._watch())
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        try:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:
            watch.cancel()
        if self._fatal is not None:
            raise self._fatal

    def _stop(self) -> None:
        self._stopping = True
        notify("STOPPING=1")
        for task in self._tasks:
            task.cancel()

    async def _supervised(self, name: str, role: Role) -> None:
        """Run one role, and again where that may do better, until nobody works here any more."""
        running, failed_s = self._running[name], list[float]()
        while True:
            error = await self._lived(running, role)
            if error is None:
                return
            failed_s.append(_uptime_s())
            rests = Rest(error, found := ending(error), self._again_s(name, found, failed_s))
            word = running.leave_word
            if self._ends_with(running, rests):
                word(found.sentence)
                return
            _log.error(_failed(name, rests))  # one line; a trace is for a lone role at a terminal
            running.rest(rests)
            try:
                await asyncio.sleep(rests.again_s) if rests.again_s is not None else await asyncio.Event().wait()
            except asyncio.CancelledError:
                word(found.sentence)
                raise
            running.rests = None

    async def _lived(self, running: Running, role: Role) -> Exception | None:
        """Run a role once; return what it failed with."""
        try:
            await role(running)
        except asyncio.CancelledError:
            running.leave_word("told to stop")
            raise
        except Exception as error:  # noqa: BLE001  # one role's failure must not take the other with it
            return error
        return None

    def _again_s(self, name: str, found: Ending, failed_s: list[float]) -> float | None:
        """Return after how long a role is tried again, or None."""
        return None if found.is_final or name not in self._again else self._again[name].wait_s(failed_s)

    def _ends_with(self, running: Running, rests: Rest) -> bool:
        """Tell whether the process ends with this failure, because no role is left that works, or would be tried again here.

        Where one role may do better and the other may not, the one that may is tried in here: a new process would begin both.
        """
        others = [other for other in self._running.values() if other is not running]
        down = [other.rests for other in others if other.rests] + [rests]
        mixed = len({each.again_s is None for each in down}) > 1
        if not self._stopping and (mixed or len(down) <= len(others)):
            return False
        self._fatal = self._fatal or worst([each.error for each in reversed(down)])
        if not self._stopping:
            for task in self._tasks:
                if task is not asyncio.current_task():
                    task.cancel()
        return True

    async def _watch(self) -> None:
        """Feed the watchdog and leave word, for as long as every task keeps its word."""
        every_s = min(TELL_EVERY_S, (watchdog_s() or TELL_EVERY_S * 4) / 4)
        while True:
            overdue = self._overdue()
            if overdue:
                _log.error(line("task.overdue", tasks=", ".join(overdue)))
                notify(f"STATUS=hangs: {', '.join(overdue)}")
            elif self._started:
                notify("WATCHDOG=1", self._status())
            for running in self._running.values():
                if running.is_ready:
                    running.leave_word("")
            settle()
            await asyncio.sleep(every_s)

    def _overdue(self) -> list[str]:
        now_s = _uptime_s()
        return [task for running in self._running.values() for task in running.pulse.overdue(now_s)]

    def _changed(self) -> None:
        """Tell systemd once every role is ready or has failed, and from then on when that changes."""
        if self._started:
            notify(self._status())
        elif all(running.is_ready for running in self._running.values()):
            self._started = True
            gc.freeze()  # what start-up made stays: a full collection need not walk it again
            notify("READY=1", self._status())

    def _reload(self) -> None:
        """Let every role read the plant file again. Before they are ready there is nothing to follow: they are reading it."""
        if not self._started:
            return
        reloading()
        self._trouble = "; ".join(dict.fromkeys(filter(None, [running.follow() for running in self._running.values()])))
        for running in self._running.values():
            running.leave_word("")
        notify("READY=1", self._status())

    def _status(self) -> str:
        """Say in a line for `systemctl status` who works and what keeps the others from it."""
        states = {name: running.state for name, running in self._running.items()}
        works = " and ".join(name for name, state in states.items() if not state)
        kept = [f"{name} {state}" for name, state in states.items() if state]
        said = "; ".join(filter(None, [f"running {works}" if works else "", *kept, self._trouble]))
        return "STATUS=" + " ".join(said.split())[:MOST_STATUS_LETTERS]


def _failed(name: str, rests: Rest) -> str:
    """Say in a line of the log why a role rests."""
    found = rests.ending
    more = {"where": found.where} if found.where else {}
    if rests.again_s is not None:
        more["again_s"] = f"{rests.again_s:g}"
    return line("role.failed", role=name, code=int(found.code), why="; ".join(found.why), **more)


def _uptime_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
