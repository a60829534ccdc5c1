"""Processes of the demo: started, started again when they die, and ended all together.

Decides when a process is started again. Never knows what a process is for, and never signals one that it did not start.

    child = Child("publish", (sys.executable, "-I", "-m", "agent", "publish", …), log)
    async with asyncio.TaskGroup() as group:
        group.create_task(child.supervise())     # cancelled: the process is ended, gently first
        child.start()
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Collection, Iterable
from functools import partial
from pathlib import Path

from protocols.lifeline import end_with_parent

RESTART_AFTER_S = 0.5
MAX_DEATHS = 12
"""A process that dies more often than a person can kill it has a reason that a restart does not mend."""

PATIENCE_S = 2.0
"""From SIGTERM to SIGKILL when everything ends; Ctrl-C promises three seconds in all."""


class ChildError(Exception):
    """A process cannot be kept alive; the sentence ends with the last lines of its log."""


class Child:
    """One process that is kept alive while it is wanted.

    Attributes:
        name: For people.
        log: Where its standard output and error go.
        deaths: How often it ended although it was wanted.
    """

    def __init__(self, name: str, command: tuple[str, ...], log: Path) -> None:
        self.name = name
        self.log = log
        self.deaths = 0
        self._command = command
        self._wanted = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    def start(self) -> None:
        """Want it alive, from now on."""
        self._wanted.set()

    async def kill(self) -> None:
        """Kill it with no warning, and leave it dead until `start`."""
        self._wanted.clear()
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def stop(self, patience_s: float) -> None:
        """End it gently: SIGTERM, and SIGKILL when it takes longer than this."""
        self._wanted.clear()
        if self._process and self._process.returncode is None:
            await _end(self._process, patience_s)

    async def supervise(self) -> None:
        """Run it whenever it is wanted; on cancellation end it.

        Raises:
            ChildError: It died more than `MAX_DEATHS` times.
        """
        while True:
            await self._wanted.wait()
            await self._run()
            if self._wanted.is_set():
                self.deaths += 1
                if self.deaths > MAX_DEATHS:
                    raise ChildError(f"{self.name} died {self.deaths} times. The end of its log:\n{tail(self.log)}")
                await asyncio.sleep(RESTART_AFTER_S)

    async def _run(self) -> None:
        """Run it once, to its end."""
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C in the terminal reaches the demo alone, which ends its children in order.
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_lifeline(),
            )
        self._process = process
        try:
            if self._wanted.is_set():  # it may have become unwanted while it started
                await process.wait()
        finally:
            await _end(process, PATIENCE_S)


async def tool(*command: str, good: Collection[int] = (0,), timeout_s: float = 30.0) -> bytes:
    """Run a command to its end and return what it printed.

    Args:
        command: What to run.
        good: Exit codes that are an answer.
        timeout_s: How long it may take.

    Raises:
        ChildError: It failed, or took too long; the sentence says what it printed instead.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        preexec_fn=_lifeline(),
    )
    try:
        async with asyncio.timeout(timeout_s):
            printed, complaint = await process.communicate()
    except TimeoutError as error:
        raise ChildError(f"{' '.join(command[1:])} took longer than {timeout_s:.0f} s") from error
    finally:
        await _end(process, PATIENCE_S)
    if process.returncode not in good:
        raise ChildError(f"{' '.join(command[1:])} ended with {process.returncode}: {complaint.decode(errors='replace').strip()}")
    return printed


def _lifeline() -> Callable[[], None]:
    """Nothing of the demo outlives it, not even where it is killed."""
    return partial(end_with_parent, os.getpid())


async def _end(process: asyncio.subprocess.Process, patience_s: float) -> None:
    """SIGTERM, and SIGKILL for whoever does not hear it."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(patience_s):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def tail(log: Path, lines: int = 12) -> str:
    """Return the last lines of a log, or an empty string."""
    try:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


async def wait_for_port(port: int, *, host: str = "127.0.0.1", timeout_s: float) -> bool:
    """Wait until somebody listens; return whether that happened in time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            while True:
                try:
                    _, writer = await asyncio.open_connection(host, port)
                except OSError:
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    return True
    return False


def loopback_hosts(numbers: Iterable[int]) -> dict[int, str]:
    """Return a loopback address for each number: one of its own where the system has 127.0.1.0, as Linux does.

    Politeness is kept per host, so devices that share an address are visited one after another.
    """
    return {number: _loopback_host(number) for number in numbers}


def _loopback_host(number: int) -> str:
    host = f"127.0.{1 + number // 256}.{number % 256}"
    try:
        free_port(host)
    except OSError:
        return "127.0.0.1"
    return host
