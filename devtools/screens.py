"""Runs the commands of the pages, in order, and takes every screen anew: `python -m devtools.screens [--check] [PAGE …]`.

Decides whether a page is true: its scripts end well, and its screens are what the programs show today. Each page is walked from
its first block to its last in a lab of its own (`devtools.lab`), as a reader would.
"""

import argparse
import asyncio
import difflib
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from devtools.blocks import BACKGROUND, RUN, Block, blocks, renewed, screens, shown
from devtools.lab import SERIAL, enter, open_lab, serial_line
from devtools.page import ROOT
from devtools.steady import steadied

COMMAND_S = 60.0
UNTIL_S = 40.0
AGAIN_S = 0.5


class UntrueError(Exception):
    """A command of a page does not do what the page says; the sentence says which and how."""


def pages() -> tuple[str, ...]:
    """Return the pages that have something to run, relative to the root of the project."""
    found = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
    return tuple(str(page.relative_to(ROOT)) for page in found if any(block.runs for block in blocks(page.read_text("utf-8"))))


def walked(name: str) -> str:
    """Walk one page in a lab, and return it with its screens as they are today; as it was if only keys and moments are others.

    Raises:
        UntrueError: A command failed.
    """
    done = enter("devtools.screens", "--inside", name)
    if done.returncode:
        raise UntrueError(done.stderr)
    before = (ROOT / name).read_text("utf-8")
    return before if steadied(before) == steadied(done.stdout) else done.stdout


async def _walk(name: str) -> str:
    page, taken = (ROOT / name).read_text("utf-8"), dict[int, str]()
    async with open_lab(page) as home:
        with serial_line() as port:
            for block in blocks(page):
                if block.runs:
                    taken[block.line] = await _run(block, home, port, f"{name}:{block.line}")
    return renewed(page, taken)


async def _run(block: Block, home: Path, port: str, place: str) -> str:
    if block.remark == BACKGROUND:
        await _shell(f"{{ {block.text.strip()} ; }} >>/var/log/lab/background.log 2>&1 &", home, port, place, must=True)
        return block.text
    if block.language == RUN:
        await _shell(block.text, home, port, place, must=True)
        return block.text
    taken = []
    for command, _before in screens(block.text):
        taken.append((command, await _screen(command, home, port, place, block.until)))
    return shown(taken)


async def _screen(command: str, home: Path, port: str, place: str, until: str) -> str:
    """Return what a command shows; with a word to wait for, once it shows that word."""
    deadline = asyncio.get_running_loop().time() + UNTIL_S
    while True:
        screen = await _shell(command, home, port, place)
        if re.search(until, screen, re.DOTALL):
            return screen
        if asyncio.get_running_loop().time() > deadline:
            logs = await _shell("tail -n 20 /var/log/lab/*.log", home, port, place)
            raise UntrueError(f"{place}: {until!r} was not shown within {UNTIL_S:.0f} s by\n  {command}\n{screen}\n{logs}")
        await asyncio.sleep(AGAIN_S)


async def _shell(script: str, home: Path, port: str, place: str, *, must: bool = False) -> str:
    """Run a script as the engineer would, and return everything that it shows."""
    command = ("bash", "-eu", "-o", "pipefail", "-c", script.replace(SERIAL, port))
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(
        *command, cwd=home, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=asyncio.subprocess.STDOUT
    )
    try:
        output, _ = await asyncio.wait_for(child.communicate(), COMMAND_S)
    except TimeoutError:
        child.kill()
        await child.wait()
        raise UntrueError(f"{place}: did not end within {COMMAND_S:.0f} s\n{script}") from None
    screen = output.decode("utf-8", "replace").replace(port, SERIAL)
    if must and child.returncode:
        raise UntrueError(f"{place}: ended with {child.returncode}\n{script}\n{screen}")
    return screen


def main(arguments: Sequence[str]) -> int:
    """Write pages anew, or compare them; return the exit code."""
    parser = argparse.ArgumentParser(description="runs the commands of the pages and takes their screens anew")
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="relative to the root of the project; all if absent")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a screen is not current")
    parser.add_argument("--inside", metavar="PAGE", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.inside:
        return _inside(options.inside)
    return max((_renew(name, check=options.check) for name in options.pages or pages()), default=0)


def _inside(name: str) -> int:
    try:
        sys.stdout.write(asyncio.run(_walk(name)))
    except UntrueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _renew(name: str, *, check: bool) -> int:
    before = (ROOT / name).read_text("utf-8")
    try:
        after = walked(name)
    except UntrueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if not check:
        (ROOT / name).write_text(after, "utf-8")
        return 0
    sys.stderr.writelines(difflib.unified_diff(before.splitlines(True), after.splitlines(True), name, "as it is today", n=1))
    return int(before != after)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
