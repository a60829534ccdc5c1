"""The command `nameplated check`: everything to mend in plant files, or what each will mean once it runs.

Decides what is printed and the exit code. Never asks a device or a name server, and opens no secret file: it looks at their
modes only.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agent.commands import add, takes_json
from agent.service import Exit
from config.errors import ConfigError
from config.model import Plant

if TYPE_CHECKING:
    from agent.commands import Commands
    from agent.operator.plan import Plan


def add_parser(commands: "Commands") -> None:
    """Add the command to the command line."""
    summary = "read a plant file: everything to mend, or what it will cost devices, broker and flash"
    parser = add(commands, "check", summary, "nameplated check plant.toml --plan", run=main)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="plant file, or several of them")
    parser.add_argument("--plan", action="store_true", help="also a line for each asset: how it is read, and how often")
    takes_json(parser, "one JSON object a line for each file, also for one that cannot be used")


def main(options: argparse.Namespace) -> int:
    """Check every file, also after one that cannot be used. Return 0 if all of them can."""
    codes = [_check(file, options) for file in options.files]
    return next((code for code in codes if code != Exit.OK), Exit.OK)


def _check(file: Path, options: argparse.Namespace) -> int:
    """Check one file."""
    try:
        made = _plan(file)
    except ConfigError as error:
        if options.json:
            print(json.dumps({"file": str(file), "usable": False, "problems": _problems(error)}))
        else:
            print(f"nameplated: {error}", file=sys.stderr)
        return Exit.CONFIG
    if options.json:
        import msgspec

        print(json.dumps({"file": str(file), "usable": True, "problems": [], "plan": msgspec.to_builtins(made)}))
    else:
        _show(file, made, options)
    return Exit.OK


def _show(file: Path, made: "Plan", options: argparse.Namespace) -> None:
    """Say what a file means: in full, or in a line where there are several and nobody asked for more."""
    from agent.operator import page

    ready = f"{file}: {page.count(len(made.visits), 'asset')}, ready to run."
    if len(options.files) > 1 and not options.plan:
        print(f"{ready} {page.count(len(made.warnings), 'warning')}.", flush=True)
        return
    print(f"{ready}\n\n{page.summary(made)}")
    if options.plan:
        print(f"\n{page.visits(made.visits)}")
    print(end="\n" if len(options.files) > 1 else "")


def exposed(plant: Plant) -> dict[str, str]:
    """Return secret files that others can read, each with the mode that closes it. A file that is not there exposes nothing.

    The key that signs is its owner's alone: publish refuses it otherwise. All others may be their group's.
    """
    shared = [plant.broker.key_file, plant.broker.username_file]
    shared += [file for asset in plant.asset for file in (asset.username_file, asset.user_key_file)]
    found = {str(path): "o=" for path in shared if path is not None and _mode(path) & 0o007}
    if _mode(plant.report_key_file) & 0o077:
        found[str(plant.report_key_file)] = "go="
    return found


def _plan(file: Path) -> "Plan":
    from agent.operator.plan import plan
    from agent.site import load_plant
    from protocols.profile import bundled

    plant = load_plant(file)
    return plan(plant, bundled(), exposed=exposed(plant))


def _problems(error: ConfigError) -> list[dict[str, str | int | None]]:
    return [
        {
            "file": str(problem.file or error.path),
            "place": problem.place,
            "line": problem.line,
            "column": problem.column,
            "what": problem.what,
            "suggestion": problem.suggestion,
        }
        for problem in error.problems
    ]


def _mode(path: Path) -> int:
    """Return the mode of a file; none where it is not there or not for our eyes. An access list hides the group's bits."""
    try:
        mode = path.stat().st_mode
        listed = "system.posix_acl_access" in os.listxattr(path)
    except OSError:
        return 0
    return mode & 0o707 if listed else mode & 0o777
