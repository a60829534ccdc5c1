"""Our own commands as a person would type them, each in its own process.

Decides how a command is started and how long it may take. Knows nothing of what is behind a command: this is a run from outside.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

COMMAND_S = 40.0
"""A visit's 20 s, the start of a process, and as much again for a busy machine."""


class CommandError(Exception):
    """A command failed; with what it said."""


def gateway(*arguments: str) -> list[str]:
    """Return the command line of `nameplated`."""
    return [sys.executable, "-I", "-m", "agent", *arguments]


def receiver(*arguments: str) -> list[str]:
    """Return the command line of `nameplated-isms`."""
    return [sys.executable, "-I", "-m", "isms", *arguments]


def run(command: Sequence[str], *, may_fail: bool = False) -> str:
    """Run a command to its end and return what it printed.

    Args:
        command: What to run.
        may_fail: Its exit code says something about a device, and what it printed is wanted all the same.

    Raises:
        CommandError: It failed or took too long.
    """
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CommandError(f"{_title(command)} took longer than {COMMAND_S:.0f} s") from None
    if done.returncode and not (may_fail and done.stdout):
        raise CommandError(f"{_title(command)} ended with {done.returncode}: {done.stderr.strip()[-800:]}")
    return done.stdout


def run_json(command: Sequence[str], *, may_fail: bool = False) -> Any:
    """Run a command to its end and return the JSON document that it printed.

    Raises:
        CommandError: It failed, took too long, or printed something else.
    """
    said = run(command, may_fail=may_fail)
    try:
        return json.loads(said)
    except ValueError:
        raise CommandError(f"{_title(command)} printed no JSON: {said[:200]!r}") from None


def _title(command: Sequence[str]) -> str:
    """Name a command for a person: `agent probe`, without the interpreter."""
    return " ".join(command[3:5])
