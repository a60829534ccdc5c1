"""The house around the stage: folder, screen, signals, and the last word.

Decides the exit code: 0 only if the summary says that everything is as promised. Leaves nothing behind: no process, and no file
unless it was asked to keep them.
"""

import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from agent.demo.books import verify_arguments
from agent.demo.broker import BrokerKind, NoBrokerError, choose, find_mosquitto, has_embedded
from agent.demo.install import Files
from agent.demo.play import perform
from agent.demo.processes import ChildError
from agent.demo.rehearsal import Rehearsed, rehearse
from agent.demo.summary import Figures, Verdict, as_json, judge, report
from agent.demo.table import open_screen
from agent.screens import table, wrapped
from agent.service import Exit
from config.model import Plant

INTERRUPTED = 130
"""What a shell expects of a command that Ctrl-C ended."""

_Told = TypeVar("_Told")


class KeepError(Exception):
    """The folder that is to keep the files cannot be used."""


def run(*, seconds: int, broker: str, keep: Path | None, as_object: bool) -> int:
    """Play the demo and return its exit code."""

    def ended(figures: Figures) -> int:
        verdict = judge(figures)
        print(json.dumps(as_json(figures, verdict)) if as_object else _page(figures, verdict, keep))
        return Exit.OK if verdict.ok else Exit.FAILED

    play = partial(_perform, seconds=seconds, quiet=as_object)
    return _house(play, ended, broker=broker, keep=keep, quiet=as_object)


def run_rehearsal(plant: Plant, *, seconds: int, broker: str, keep: Path | None, as_object: bool) -> int:
    """Rehearse with somebody's own plant file and return the exit code: 0 only if every asset arrived."""

    def ended(told: Rehearsed) -> int:
        print(json.dumps(_rehearsed_json(told)) if as_object else _rehearsed_page(told, keep))
        return Exit.FAILED if told.missing else Exit.OK

    play = partial(_rehearse, plant=plant, seconds=seconds, quiet=as_object)
    return _house(play, ended, broker=broker, keep=keep, quiet=as_object)


def _house(
    play: Callable[[Files, BrokerKind], Coroutine[None, None, _Told]],
    ended: Callable[[_Told], int],
    *,
    broker: str,
    keep: Path | None,
    quiet: bool,
) -> int:
    """Give a play a broker and a folder, and say what became of it."""
    try:
        kind = choose(broker, mosquitto=find_mosquitto(), embedded=has_embedded())
        if not quiet:
            print(f"nameplated demo: making keys, starting devices and the broker ({kind}) …", flush=True)
        with _folder(keep) as folder:
            told = asyncio.run(play(Files(folder), kind))
    except (NoBrokerError, KeepError) as error:
        return _failed(str(error), Exit.USAGE)
    except ChildError as error:
        return _failed(str(error), Exit.FAILED)
    except asyncio.CancelledError:
        return _failed("interrupted; every process has been ended", INTERRUPTED)
    return ended(told)


async def _perform(files: Files, kind: BrokerKind, *, seconds: int, quiet: bool) -> Figures:
    """Perform until the end, or until somebody has seen enough."""
    _end_on_signals()
    screen = open_screen(quiet=quiet)
    try:
        return await perform(files, kind, seconds=seconds, screen=screen)
    except ExceptionGroup as group:
        raise _first(group) from group
    finally:
        screen.close()


async def _rehearse(files: Files, kind: BrokerKind, *, plant: Plant, seconds: int, quiet: bool) -> Rehearsed:
    """Rehearse until every asset has arrived, or until somebody has seen enough."""
    _end_on_signals()
    try:
        return await rehearse(files, kind, plant, seconds=seconds, say=(lambda _: None) if quiet else _say)
    except ExceptionGroup as group:
        raise _first(group) from group


def _end_on_signals() -> None:
    """Let the first signal end the performance in order; further ones change nothing, because ending has begun."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def end() -> None:
        for number in numbers:
            loop.add_signal_handler(number, lambda: None)
        if task is not None:
            task.cancel()

    for number in numbers:
        loop.add_signal_handler(number, end)


def _first(group: ExceptionGroup[Exception]) -> Exception:
    """Return what was raised inside nested task groups: one task failed, the others were cancelled for it."""
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, ExceptionGroup) else inner


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Give the demo an empty folder: the one that was asked for, or one that vanishes.

    Raises:
        KeepError: The folder has something in it, or cannot be made.
    """
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="nameplated-demo-") as folder:
            yield Path(folder)
        return
    try:
        keep.mkdir(mode=0o700, parents=True, exist_ok=True)
        used = any(keep.iterdir())
    except OSError as error:
        raise KeepError(f"{keep} cannot be used: {error.strerror}") from error
    if used:
        raise KeepError(f"{keep} is not empty; choose another folder")
    yield keep.resolve()


def _page(figures: Figures, verdict: Verdict, keep: Path | None) -> str:
    """Write the last page: the summary, and where to look further."""
    head = f"nameplated demo: {figures.seconds:.0f} s, {len(figures.intended)} assets, broker {figures.broker}"
    return "\n".join(["", head, "", report(figures, verdict), *_where(keep)])


def _rehearsed_page(told: Rehearsed, keep: Path | None) -> str:
    """Write the last page of a rehearsal: what the receiver says of each asset, and who is not there."""
    head = ("asset", "type", "location", "number in the ISMS", "state")
    rows = [
        (name, asset["role"], asset["location"], asset["register_id"] or "not recorded", asset["outcome"])
        for name, asset in sorted(told.held.items())
    ]
    held = f"{len(told.held)} of {len(told.wanted)} assets are in the receiver's inventory, after {told.seconds:.0f} s."
    missing = (
        wrapped(f"Not there: {', '.join(told.missing)}. Keep the files with --keep DIR, and see DIR/logs.")
        if told.missing
        else []
    )
    return "\n".join(["", table(head, rows, firm=("asset", "state")), "", held, *missing, *_where(keep)])


def _rehearsed_json(told: Rehearsed) -> dict[str, object]:
    return {"assets": list(told.wanted), "missing": list(told.missing), "seconds": round(told.seconds, 1)}


def _say(sentence: str) -> None:
    print(sentence, flush=True)


def _where(keep: Path | None) -> list[str]:
    """Say where the files are, and how an auditor checks them without the gateway."""
    if keep is None:
        return []
    return ["", f"files:  {keep}", f"verify: nameplated-isms verify {' '.join(verify_arguments(Files(keep)))}"]


def _failed(sentence: str, code: int) -> int:
    print(f"nameplated demo: {sentence}", file=sys.stderr)
    return code
