"""The commands `nameplated config init` and `config export`: from a list of devices to a plant file, and back.

Decides what the words mean. Loads what a command needs when it runs: every start of the gateway passes through here.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from agent.commands import add, takes_config

if TYPE_CHECKING:
    from agent.commands import Commands


def add_parser(commands: "Commands") -> None:
    """Add the commands to the command line."""
    config = add(commands, "config", "write a plant file from a list of devices, and a list from a plant file", _INIT)
    actions = config.add_subparsers(metavar="ACTION", required=True)
    _add_init(add(actions, "init", "write a commented plant file; asks for what no flag says", _INIT, run=_init))
    _add_export(add(actions, "export", "write the assets as a table again, with what was read of them", _EXPORT, run=_export))


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


def _add_export(parser: argparse.ArgumentParser) -> None:
    takes_config(parser)
    parser.add_argument(
        "--to", dest="target", type=Path, metavar="FILE", help="CSV to write, for a spreadsheet; else to the screen"
    )
    parser.add_argument(
        "--delimiter",
        choices=(";", ","),
        default=";",
        metavar="SIGN",
        help="';' or ',' between columns: Excel takes ';' in most of Europe",
    )


def _init(options: argparse.Namespace) -> int:
    from agent.operator.init import main

    return main(options)


def _export(options: argparse.Namespace) -> int:
    from agent.operator.export import main

    return main(options)
