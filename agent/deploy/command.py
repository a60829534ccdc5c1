"""The command `nameplated units`: words in, drop-ins out.

Decides what the words mean. Imports the work only when it is asked for: every command of the gateway passes through here.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    _Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # argparse has no public name for it


def add_parser(commands: "_Commands") -> None:
    """Add the command to the command line."""
    description = "what the kernel lets each unit reach, made from the plant file"
    parser = commands.add_parser(
        "units",
        help=description,
        description=f"{description[0].upper()}{description[1:]}: prints the drop-ins, or writes them.",
        epilog="example:\n  nameplated units --config /etc/nameplated/plant.toml --write /etc/systemd/system",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--config", type=Path, default=Path("/etc/nameplated/plant.toml"), metavar="FILE", help="plant file (%(default)s)"
    )
    parser.add_argument("--write", type=Path, metavar="DIR", help="write them below this directory of units")
    parser.set_defaults(command=main)


def main(options: argparse.Namespace) -> int:
    """Print or write the drop-ins; what the kernel cannot enforce goes to standard error.

    Raises:
        ConfigError: The plant file cannot be used.
        OSError: They cannot be written there.
    """
    from agent.deploy.write import run  # noqa: PLC0415  # the other commands do not pay for it

    return run(options.config, options.write)
