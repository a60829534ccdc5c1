"""Processes that a run starts and ends: each by its own id, each with its own log, none longer than the run.

Decides how a process is ended: its standard input is closed, then SIGTERM, then SIGKILL. Never starts one again, because one
that dies in a run is a finding.
"""

import contextlib
import json
import selectors
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

READY_S = 30.0
"""From start to the line that says where a server listens. The largest loads three OPC UA nodesets in 2 s, alone on a machine."""

PATIENCE_S = 3.0


class DiedError(Exception):
    """A process ended, or never became ready; with the end of its log."""


class Running:
    """One process of the run.

    Attributes:
        name: For people.
    """

    def __init__(self, name: str, process: "subprocess.Popen[str]", log: Path) -> None:
        self.name = name
        self._process = process
        self._log = log

    def tell(self, text: str) -> None:
        """Write to its standard input and leave it open: it is the process's lifeline."""
        assert self._process.stdin
        self._process.stdin.write(text)
        self._process.stdin.flush()

    def ready(self, within_s: float = READY_S) -> dict[str, Any]:
        """Wait for its first line and return it, decoded.

        Raises:
            DiedError: It ended, or the line did not come in time.
        """
        assert self._process.stdout
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            line = self._process.stdout.readline() if selector.select(within_s) else ""
        try:
            said: dict[str, Any] = json.loads(line)
        except ValueError:
            raise DiedError(f"{self.name} did not become ready in {within_s:.0f} s: {line!r}\n{self.last_words()}") from None
        return said

    def check(self) -> None:
        """Raise DiedError if it has ended."""
        if (code := self._process.poll()) is not None:
            raise DiedError(f"{self.name} ended with {code}:\n{self.last_words()}")

    def last_words(self, lines: int = 12) -> str:
        """Return the end of its log."""
        return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def end(self) -> None:
        """End it, gently first."""
        for step in (self._hang_up, self._process.terminate, self._process.kill):
            if self._process.poll() is not None:
                break
            step()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(PATIENCE_S)
        if self._process.stdout:
            self._process.stdout.close()

    def _hang_up(self) -> None:
        """Close its lifeline; a process without one is told by signal at once."""
        if self._process.stdin:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        else:
            self._process.terminate()


@contextlib.contextmanager
def running(
    name: str, command: Sequence[str], *, folder: Path, cwd: Path | None = None, lifeline: bool = False
) -> Iterator[Running]:
    """Run a process for as long as the block lasts.

    Args:
        name: For people, and of its log in `folder`.
        command: What to run.
        folder: Where its log is written.
        cwd: Where it runs.
        lifeline: Its standard input stays open and its standard output is ours; otherwise it has neither.
    """
    log = folder / f"{name}.log"
    with log.open("w", encoding="utf-8") as sink:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            stdin=subprocess.PIPE if lifeline else subprocess.DEVNULL,
            stdout=subprocess.PIPE if lifeline else sink,
            stderr=sink,
            text=True,
            start_new_session=True,  # Ctrl-C in the terminal reaches the run alone, which ends its processes in order
        )
    child = Running(name, process, log)
    try:
        yield child
    finally:
        child.end()


def poll(look: Callable[[], bool], *, within_s: float, every_s: float = 0.1) -> bool:
    """Look again and again until it is so, or the time is over; return whether it is."""
    end = time.monotonic() + within_s
    while not (done := look()) and time.monotonic() < end:
        time.sleep(every_s)
    return done
