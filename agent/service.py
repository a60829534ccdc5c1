"""How a role lives as a process: signals in, exit code out, systemd informed.

Decides when a role ends and with which exit code. Never decides what a role does, and never restarts anything: systemd does,
and its start limit keeps a bug from becoming a scan.

Exit codes are those of sysexits.h: 64 usage, 70 our bug, 74 input or output, 77 permission, 78 configuration.
"""

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable, Mapping
from enum import IntEnum
from functools import partial

from agent.log import line, logger
from agent.notify import notify

_log = logger("service")

Role = Callable[[Callable[[], None]], Awaitable[None]]
"""A role is told how to say that it is ready: its files are open and it can do its work."""


class Exit(IntEnum):
    """Why a process ended, for systemd and scripts."""

    OK = 0
    FAILED = 1  # a check that was asked for did not hold
    USAGE = 64
    SOFTWARE = 70
    IO = 74
    PERMISSION = 77
    CONFIG = 78


def run(roles: Mapping[str, Role]) -> None:
    """Run roles until SIGTERM or SIGINT, then let them finish what they do.

    A single role's failure is the caller's: it decides the exit code. Of several, one that fails leaves the others running:
    a gateway that cannot sign still collects.
    """
    try:
        asyncio.run(_run(roles))
    except ExceptionGroup as group:
        raise _first(group) from group


def _first(group: ExceptionGroup[Exception]) -> Exception:
    """Return what was raised inside nested task groups: one task failed, the others were cancelled for it."""
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, ExceptionGroup) else inner


async def _run(roles: Mapping[str, Role]) -> None:
    loop = asyncio.get_running_loop()
    starting = set(roles)

    def ready(name: str) -> None:
        starting.discard(name)
        if not starting:
            gc.freeze()  # what start-up made stays: a full collection need not walk it again
            notify("READY=1", f"STATUS=running {' and '.join(roles)}")

    tasks = [
        asyncio.ensure_future(_supervised(name, role, partial(ready, name), alone=len(roles) == 1))
        for name, role in roles.items()
    ]

    def stop() -> None:
        notify("STOPPING=1")
        for task in tasks:
            task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception):
            raise result


async def _supervised(name: str, role: Role, ready: Callable[[], None], *, alone: bool) -> None:
    """Run one role; beside others, its failure is logged and it rests."""
    try:
        await role(ready)
    except Exception as error:  # one role's failure must not take the other with it
        if alone:
            raise
        _log.error(line("role.failed", role=name, why=str(error)))  # one line; a trace is for a lone role
        ready()
        await asyncio.Event().wait()
