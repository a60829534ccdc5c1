"""How a role lives as a process: signals in, exit code out, systemd and people informed.

Decides when a role ends and with which exit code, and whether the watchdog is told that all is well. Never decides what a role
does, and never restarts anything: systemd does, and its start limit keeps a bug from becoming a scan.

    SIGTERM, SIGINT   the roles finish what they do
    SIGHUP            the roles read the plant file again, and keep the one they have if the new one is bad
    watchdog          fed while every task of every role keeps its word (`agent.core.pulse`)

Exit codes are those of sysexits.h: 64 usage, 70 our bug, 74 input or output, 77 permission, 78 configuration.
"""

import asyncio
import faulthandler
import gc
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from agent.core.pulse import Pulse
from agent.log import line, logger
from agent.notify import notify, reloading, watchdog_s

STDERR = 2

TELL_EVERY_S = 15.0
"""How often a role leaves word of how it is, and the watchdog is fed at least."""

_log = logger("service")


class Exit(IntEnum):
    """Why a process ended, for systemd and scripts."""

    OK = 0
    FAILED = 1  # a check that was asked for did not hold
    USAGE = 64
    SOFTWARE = 70
    IO = 74
    PERMISSION = 77
    CONFIG = 78


def _nothing(_why: str) -> None:
    """Leave no word: not yet, or not any more."""


@dataclass(slots=True)
class Running:
    """A role as the process around it knows it.

    Attributes:
        name: Of the role.
        pulse: Where its tasks say that they make progress.
        leave_word: Writes down for people how the role is; its argument is why it ended, empty while it runs.
        follow: Reads the plant file again; returns a sentence for what could not be followed, or nothing.
        is_ready: Whether it does its work.
    """

    name: str
    pulse: Pulse
    _changed: Callable[[], None]
    leave_word: Callable[[str], None] = field(default=_nothing)
    follow: Callable[[], str] = field(default=str)
    is_ready: bool = field(default=False, init=False)

    def ready(self) -> None:
        """Say that the role's files are open and it can do its work."""
        self.is_ready = True
        self._changed()

    def rest(self) -> None:
        """Do nothing any more, beside a role that goes on: whoever waits for this one need not."""
        self.pulse, self.leave_word, self.follow = Pulse(), _nothing, str
        self.ready()


Role = Callable[[Running], Awaitable[None]]
"""A role puts its two functions into `Running`, says that it is ready, and works until it is cancelled."""


def run(roles: Mapping[str, Role]) -> None:
    """Run roles until SIGTERM or SIGINT, then let them finish what they do.

    A single role's failure is the caller's: it decides the exit code. Of several, one that fails leaves the others running:
    a gateway that cannot sign still collects.
    """
    faulthandler.enable(STDERR)  # the watchdog's SIGABRT then leaves in the journal where we hung
    try:
        asyncio.run(_Process(roles).run())
    except ExceptionGroup as group:
        raise _first(group) from group


def _first(group: ExceptionGroup[Exception]) -> Exception:
    """Return what was raised inside nested task groups: one task failed, the others were cancelled for it."""
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, ExceptionGroup) else inner


class _Process:
    """Some roles, and what happens to them from outside."""

    def __init__(self, roles: Mapping[str, Role]) -> None:
        self._roles = roles
        self._running = {name: Running(name, Pulse(), self._changed) for name in roles}
        self._started = False
        self._trouble = ""

    async def run(self) -> None:
        """Run the roles to their end."""
        loop = asyncio.get_running_loop()
        tasks = [asyncio.ensure_future(self._supervised(name, role)) for name, role in self._roles.items()]
        watch = asyncio.ensure_future(self._watch())

        def stop() -> None:
            notify("STOPPING=1")
            for task in tasks:
                task.cancel()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        try:
            results = await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            watch.cancel()
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def _supervised(self, name: str, role: Role) -> None:
        """Run one role; beside others, its failure is logged and it rests."""
        running = self._running[name]
        try:
            await role(running)
        except asyncio.CancelledError:
            running.leave_word("told to stop")
            raise
        except Exception as error:  # one role's failure must not take the other with it
            why = _sentence(error)
            running.leave_word(why)
            if len(self._roles) == 1:
                raise
            _log.error(line("role.failed", role=name, why=why))  # one line; a trace is for a lone role
            running.rest()
            await asyncio.Event().wait()

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
            await asyncio.sleep(every_s)

    def _overdue(self) -> list[str]:
        now_s = time.clock_gettime(time.CLOCK_BOOTTIME)
        return [task for running in self._running.values() for task in running.pulse.overdue(now_s)]

    def _changed(self) -> None:
        """Tell systemd once every role is ready or has failed."""
        if self._started or not all(running.is_ready for running in self._running.values()):
            return
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
        return f"STATUS=running {' and '.join(self._roles)}" + (f"; {self._trouble}" if self._trouble else "")


def _sentence(error: BaseException) -> str:
    """Say in one line why a role failed."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return " ".join(str(error).split()) or type(error).__name__
