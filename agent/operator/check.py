"""The command `nameplated check`: everything to mend in a plant file, or what it will mean once it runs.

Decides what is printed and the exit code. Never asks a device or a name server, and opens no secret file: it looks at their
modes only.
"""

import argparse
import json
import os
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
    parser.add_argument("file", type=Path, metavar="FILE", help="plant file")
    parser.add_argument("--plan", action="store_true", help="also a line for each asset: how it is read, and how often")
    takes_json(parser, "one JSON object, also for a file that cannot be used")


def main(options: argparse.Namespace) -> int:
    """Check one file. Return 0 if it can be used.

    Raises:
        ConfigError: It cannot, and nobody asked for JSON.
    """
    from agent.operator import page

    try:
        made = _plan(options.file)
    except ConfigError as error:
        if not options.json:
            raise
        print(json.dumps({"file": str(options.file), "usable": False, "problems": _problems(error)}))
        return Exit.CONFIG
    if options.json:
        import msgspec

        print(json.dumps({"file": str(options.file), "usable": True, "problems": [], "plan": msgspec.to_builtins(made)}))
        return Exit.OK
    print(f"{options.file}: {page.count(len(made.visits), 'asset')}, ready to run.\n\n{page.summary(made)}")
    if options.plan:
        print(f"\n{page.visits(made.visits)}")
    return Exit.OK


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
