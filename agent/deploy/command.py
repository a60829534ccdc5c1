"""The command `nameplated units`: words in, drop-ins out.

Decides what the words mean. Imports the work only when it is asked for: every command of the gateway passes through here.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from agent.commands import add, takes_config

if TYPE_CHECKING:
    from agent.commands import Commands


def add_parser(commands: "Commands") -> None:
    """Add the command to the command line."""
    parser = add(
        commands,
        "units",
        "what the kernel lets each unit reach, made from the plant file",
        "sudo nameplated units --write /etc/systemd/system",
        run=main,
        more="Prints the drop-ins, or writes them.",
    )
    takes_config(parser)
    parser.add_argument("--write", type=Path, metavar="DIR", help="write them below this directory of units")


def main(options: argparse.Namespace) -> int:
    """Print or write the drop-ins; what the kernel cannot enforce goes to standard error.

    Raises:
        ConfigError: The plant file cannot be used.
        OSError: They cannot be written there.
    """
    from agent.deploy.write import run

    return run(options.config, options.write)
