"""The commands `nameplated assets` and `nameplated assets show`: what this gateway knows of its assets, and how.

Decides what the words mean. Reads the journal of collect beside the running role; never asks a device, and never overwrites a
file.
"""

import argparse
import difflib
import json
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from agent import VERSION
from agent.commands import PLANT_FILE, add, takes_config, takes_json
from agent.service import Exit

if TYPE_CHECKING:
    from agent.commands import Commands

FORMS = ("table", "json", "csv", "cyclonedx")


def add_parser(commands: "Commands") -> None:
    """Add the commands to the command line."""
    example = "nameplated assets --format cyclonedx --to plant.cdx.json"
    assets = add(commands, "assets", "what this gateway knows of each asset", example, run=main)
    takes_config(assets)
    takes_json(assets, "the same as --format json")
    assets.add_argument("--format", choices=FORMS, default=FORMS[0], help="for people, or for other programs (%(default)s)")
    assets.add_argument(
        "--to", dest="target", type=Path, metavar="FILE", help="write it there, never over a file; else to the screen"
    )
    assets.add_argument(
        "--delimiter",
        choices=(";", ","),
        default=";",
        metavar="SIGN",
        help="';' or ',' between the columns of a CSV: Excel takes ';' in most of Europe",
    )
    actions = assets.add_subparsers(metavar="ACTION")
    summary = "all of one asset: each value, the request and the bytes behind it, what happened, when it is asked next"
    show = add(actions, "show", summary, "nameplated assets show press-07-plc", run=show_one)
    show.add_argument("asset", metavar="ASSET", help="its id in the plant file")
    show.add_argument("--config", type=Path, default=argparse.SUPPRESS, metavar="FILE", help=f"plant file ({PLANT_FILE})")
    takes_json(show)


def main(options: argparse.Namespace) -> int:
    """Show or export all assets.

    Raises:
        ConfigError: The plant file cannot be used.
        OSError: collect has not run yet, its journal cannot be read, or the file not written.
    """
    from agent.operator import books, holdings, trail
    from config.load import load
    from inventory.export import ExportError, Form, export, write_new

    plant = load(options.config)
    items = holdings.items(plant, books.read(plant))
    form = "json" if options.json else options.format
    try:
        if form == FORMS[0]:
            text = trail.listing(items) + "\n"
        else:
            now, serial = datetime.now(UTC), uuid.uuid4()
            text = export(Form(form), items, at=now, serial=serial, version=VERSION, delimiter=options.delimiter)
        if options.target is not None:
            write_new(options.target, text, spreadsheet=form == Form.CSV)
    except ExportError as error:
        return _failed(str(error))
    print(text, end="") if options.target is None else print(f"{options.target}: written, {len(items)} assets.")
    return Exit.OK


def show_one(options: argparse.Namespace) -> int:
    """Show all of one asset.

    Raises:
        ConfigError: The plant file cannot be used.
        OSError: collect has not run yet, or its journal cannot be read.
    """
    import msgspec

    from agent.clock import system_clock
    from agent.operator import books, holdings, trail
    from config.load import load

    plant = load(options.config)
    found = books.read(plant)
    items = {item.asset_id: item for item in holdings.items(plant, found)}
    item, turn = items.get(options.asset), found.turns.get(options.asset)
    if item is None:
        near = difflib.get_close_matches(options.asset, items, n=1)
        remedy = f"Did you mean {near[0]!r}?" if near else "`nameplated assets` shows all there are."
        return _failed(f"there is no asset {options.asset!r}. {remedy}")
    if options.json:
        print(json.dumps({"asset": msgspec.to_builtins(item), "turn": msgspec.to_builtins(turn)}))
    else:
        print(trail.page(item, turn, system_clock()(), windows=bool(plant.collect.maintenance)))
    return Exit.OK


def _failed(sentence: str) -> int:
    print(f"nameplated: {sentence}", file=sys.stderr)
    return Exit.USAGE
