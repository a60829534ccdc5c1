"""The commands `nameplated config init` and `config export`: from a list of devices to a plant file, and back.

Decides what the words mean. Loads what a command needs when it runs: every start of the gateway passes through here.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    _Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # argparse has no public name for it


def add_parser(commands: "_Commands") -> None:
    """Add the commands to the command line."""
    config = _command(commands, "config", "write a plant file from a list of devices, and a list from a plant file", _INIT)
    actions = config.add_subparsers(metavar="ACTION", required=True)
    _add_init(_command(actions, "init", "write a commented plant file; asks for what no flag says", _INIT))
    _add_export(_command(actions, "export", "write the assets as a table again, with what was read of them", _EXPORT))


_INIT = "nameplated config init plant.toml --from devices.xlsx"
_EXPORT = "nameplated config export --config plant.toml --to inventory.csv"


def _add_init(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="plant file to write; never one that is there already")
    parser.add_argument("--from", dest="source", type=Path, metavar="LIST", help="CSV or XLSX: name, IP address, port, unit, …")
    parser.add_argument("--plant", metavar="ID", help="id of the site")
    parser.add_argument("--gateway", metavar="ID", help="id of this machine")
    parser.add_argument("--broker", metavar="URL", help="where reports go: mqtts://HOST[:8883]")
    parser.add_argument(
        "--expand-ranges", action="store_true", help="a row with 10.0.0.1-20 is twenty devices; without this it is not used"
    )
    parser.set_defaults(command=_init)


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, default=Path("/etc/nameplated/plant.toml"), metavar="FILE", help="plant file (%(default)s)"
    )
    parser.add_argument(
        "--to", dest="target", type=Path, metavar="FILE", help="CSV to write, for a spreadsheet; else to the screen"
    )
    parser.add_argument("--delimiter", choices=(";", ","), default=";", help="between columns: Excel takes ';' in most of Europe")
    parser.set_defaults(command=_export)


def _init(options: argparse.Namespace) -> int:
    from agent.operator.init import main

    return main(options)


def _export(options: argparse.Namespace) -> int:
    from agent.operator.export import main

    return main(options)


def _command(commands: "_Commands", name: str, description: str, example: str) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=description,
        description=f"{description[0].upper()}{description[1:]}.",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
