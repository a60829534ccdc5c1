"""The command `nameplated status`: what each role does now, and whether all is well, without root and without asking any role.

Decides the exit code: 0 if all is well with the gateway, 1 if something needs a look. A device that does not answer is no such thing.
Must work where the plant file does not: that is when somebody asks.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from agent.commands import add, takes_config, takes_json
from agent.service import Exit

if TYPE_CHECKING:
    from agent.commands import Commands

_ROLES = ("collect", "publish")


def add_parser(commands: "Commands") -> None:
    """Add the command to the command line."""
    summary = "what each role does now, the next visit to each asset, spool and delivery"
    more = "Needs no root: the group nameplated may look. The exit code is 0 if all is well with the gateway, and 1 otherwise."
    parser = add(commands, "status", summary, "nameplated status --json", run=main, more=more)
    takes_config(parser)
    takes_json(parser)


def main(options: argparse.Namespace) -> int:
    """Look, show, and return 0 if all is well."""
    import msgspec

    from agent.clock import system_clock
    from agent.core.status import problems
    from agent.status import files, page

    state_dir, found = _state_dir(options.config)
    now = system_clock()()
    words = {role: files.read(role, state_dir) for role in _ROLES}
    found += [problem for role, word in words.items() for problem in problems(role, word, now)]
    if options.json:
        shown = msgspec.json.encode({"well": not found, "problems": found, **words}).decode()
    else:
        shown = page.page(words, found, now)
    print(shown)
    return Exit.FAILED if found else Exit.OK


def _state_dir(config: Path) -> tuple[Path | None, list[str]]:
    """Return which gateway is meant, and all that would keep a role from beginning; a broken file does not tell which it is."""
    from agent.site import load_plant
    from config.errors import ConfigError
    from config.load import load

    state_dir = None
    try:
        state_dir = load(config).gateway.state_dir
        load_plant(config)  # as collect does
    except ConfigError as error:
        return state_dir, [f"plant file: {line}" for line in str(error).splitlines()]
    return state_dir, []
