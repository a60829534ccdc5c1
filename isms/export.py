"""What is believed of every asset, written for other programs.

Decides what the words of the command mean; what the forms look like is `inventory`'s. Never overwrites a file.
"""

import argparse
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import msgspec

from inventory.export import Form, export, write_new
from inventory.item import Item
from inventory.rows import DELIMITERS

TABLE: Final = "table"
"""The form for people, which is not written here."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Let a command be told in which form, and where to."""
    parser.add_argument("--json", action="store_true", help="the same as --format json")
    parser.add_argument("--format", choices=(TABLE, *Form), default=TABLE, help="for people, or for other programs (%(default)s)")
    parser.add_argument("--to", type=Path, metavar="FILE", help="write it there, never over a file; else to the screen")
    excel = "';' or ',' between the columns of a CSV: Excel takes ';' in most of Europe"
    parser.add_argument("--delimiter", choices=DELIMITERS, default=DELIMITERS[0], metavar="SIGN", help=excel)


def write(assets: list[dict[str, Any]], options: argparse.Namespace) -> None:
    """Write an inventory.

    Args:
        assets: As the books tell them.
        options: The words of the command.

    Raises:
        ExportError: The library that it needs is not installed, or the file is there already.
        OSError: The file cannot be written.
    """
    form = Form.JSON if options.json else Form(options.format)
    items, program = msgspec.convert(assets, list[Item]), version("nameplated")
    text = export(form, items, at=datetime.now(UTC), serial=uuid4(), version=program, delimiter=options.delimiter)
    if options.to is None:
        print(text, end="")  # noqa: T201  # a command's answer
    else:
        write_new(options.to, text, spreadsheet=form is Form.CSV)
