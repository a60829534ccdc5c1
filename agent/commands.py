"""How a command joins the command line: its words, its help with an example, the plant file that it takes.

Decides what every command's help looks like. Never runs one, and imports nothing that does: each start of the gateway passes
through here.
"""

import argparse
import os
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # argparse has no public name for it

Command = Callable[[argparse.Namespace], int]
"""What runs: the words of the command line in, an exit code out."""

NARROWEST = 20
"""Columns below which nothing is laid out any narrower."""

PLANT_FILE = Path("/etc/nameplated/plant.toml")


def plain_help(prog: str) -> argparse.HelpFormatter:
    """Lay out help for this terminal.

    argparse makes a formatter for every argument at every start, and one that is not told its width loads `shutil`, and with that two
    compressors: 0.7 MiB that a role would keep.
    """
    return argparse.HelpFormatter(prog, width=_columns() - 2)


def raw_help(prog: str) -> argparse.HelpFormatter:
    """Lay out help for this terminal, and leave an example in one piece: broken at a hyphen, nobody can copy it.

    A test holds every example to 80 columns, so that the terminal does not break it either.
    """
    return argparse.RawDescriptionHelpFormatter(prog, width=_columns() - 2)


def _columns() -> int:
    """Return how wide the terminal is, found as `shutil.get_terminal_size` finds it."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told):
        return max(int(told), NARROWEST)
    try:
        return max(os.get_terminal_size().columns or 80, NARROWEST)
    except OSError:  # standard output is no terminal
        return 80


def add(
    commands: "Commands", name: str, summary: str, example: str, *, run: Command | None = None, more: str = ""
) -> argparse.ArgumentParser:
    """Add a command, or a topic with actions of its own where nothing runs.

    Args:
        commands: Where it is added: the command line, or the actions of a topic.
        name: The word that calls it.
        summary: What it does, in a line without a full stop.
        example: A command line that works.
        run: What it runs; none for a topic.
        more: Sentences that its own help adds to the summary.
    """
    parser = commands.add_parser(
        name,
        help=summary,
        description=textwrap.fill(f"{summary[0].upper()}{summary[1:]}. {more}".rstrip(), _columns() - 2),
        epilog=f"example:\n  {example}",
        formatter_class=raw_help,
    )
    if run:
        parser.set_defaults(command=run)
    return parser


def takes_config(parser: "argparse.ArgumentParser | argparse._MutuallyExclusiveGroup") -> None:
    """Let a command be told which plant file is meant."""
    parser.add_argument("--config", type=Path, default=PLANT_FILE, metavar="FILE", help="plant file (%(default)s)")


def takes_profile(parser: argparse.ArgumentParser) -> None:
    """Let a command that asks a device now be told what it is, and that its side effects are accepted."""
    parser.add_argument("--profile", default="", metavar="P", help="register profile to read it with (see `profiles list`)")
    parser.add_argument("--accept-risk", action="store_true", help="the side effects that the profile warns of are accepted")


def takes_json(parser: argparse.ArgumentParser, help_: str = "one JSON object") -> None:
    """Let a command answer a machine."""
    parser.add_argument("--json", action="store_true", help=help_)
