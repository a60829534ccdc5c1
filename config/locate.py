"""Where in a TOML text a place of the document stands.

Decides a line and a column for a person to look at. Never decides what the document means: `tomllib` has done that, and a text that
this misreads costs a line number, nothing else. One pass, so that a thousand problems in a large file are found at once.
"""

import re
from pathlib import Path
from typing import NamedTuple

_HEADER = re.compile(r"\s*(\[\[?)([^\[\]]+)\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"\\]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"\\]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"\\]*"|'[^']*'""")
_TRIPLE = re.compile(r'"""|' + "'''")


class Spot(NamedTuple):
    """Where a person looks: both from 1. A key stands where its value begins, a table where its bracket does.

    Attributes:
        line: From 1.
        column: From 1.
        file: Which file, where there are several.
    """

    line: int
    column: int
    file: Path | None = None


Lines = dict[str, Spot]
"""Place to spot: `asset[2].address`, counted as `config.parse` counts."""


def index(text: str) -> Lines:
    r"""Return the spot of every table and key in a TOML text.

    >>> index('[[asset]]\nid = "a"\n[[asset]]\nid = "b"')["asset[2].id"]
    Spot(line=4, column=6, file=None)
    """
    lines: Lines = {}
    counts: dict[str, int] = {}
    table, open_quote = "", ""
    for number, line in enumerate(text.split("\n"), 1):
        if not open_quote:
            if line.lstrip().startswith("#"):
                continue
            table = _read(line, number, table, counts, lines)
        open_quote = _quote_after(line, open_quote)
    return lines


def spot_of(place: str, lines: Lines) -> Spot | None:
    """Return the spot of a place, or of the nearest thing around it that the text names."""
    while place:
        if place in lines:
            return lines[place]
        shorter = re.sub(r"(?:\.[^.\[\]]*|\[\d+\])\Z", "", place)
        place = shorter if shorter != place else ""
    return None


def _read(line: str, number: int, table: str, counts: dict[str, int], lines: Lines) -> str:
    """Note what one line names; return the table that the next line is in."""
    if header := _HEADER.fullmatch(line):
        spot = Spot(number, header.start(1) + 1)
        table = _dotted(header[2])
        if header[1] == "[[":
            counts[table] = counts.get(table, 0) + 1
            lines.setdefault(table, spot)
            table = f"{table}[{counts[table]}]"
        lines.setdefault(table, spot)
    elif key := _KEY.match(line):
        name = _dotted(key[1])
        spot = Spot(number, len(line) - len(line[key.end() :].lstrip()) + 1)
        lines.setdefault(f"{table}.{name}" if table else name, spot)
    return table


def _dotted(name: str) -> str:
    return ".".join(part.strip("\"'") for part in _PART.findall(name))


def _quote_after(line: str, open_quote: str) -> str:
    """Return the triple quote that a text is still inside of after a line, or nothing."""
    for found in _TRIPLE.findall(line):
        if not open_quote:
            open_quote = found
        elif found == open_quote:
            open_quote = ""
    return open_quote
