"""Rows of a spreadsheet become assets, and a sentence for each row that cannot.

Decides which table of a file is the device list, and which of its rows may stand together in one plant file. The rules are the
plant file's own (`config.parse`), said of rows. Touches no file: `config.spreadsheet` does.
"""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.errors import Problem
from config.headings import Header, find_header
from config.model import Asset
from config.parse import parse
from config.row import Device, UnusableRowError, devices, shown

Rows = Sequence[Sequence[str]]

_FRAME: dict[str, Any] = {"plant": {"id": "x"}, "gateway": {"id": "x"}, "broker": {"url": "mqtts://x"}}
"""What a document needs around its assets, so that a list is held against the rules of a plant file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a table says.

    Attributes:
        assets: The devices, in the order of the table; together they break no rule.
        problems: Each row that could not be used, and why; the place is the row as the spreadsheet counts it.
        titles: Key to the heading that it was read from.
        unused: Headings that were left aside.
    """

    assets: tuple[Asset, ...] = ()
    problems: tuple[Problem, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    unused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Row:
    """A row with content: its number in the spreadsheet, and the name in it."""

    number: int
    name: str

    def __str__(self) -> str:
        return f"row {self.number} ({shown(self.name)})" if self.name else f"row {self.number}"


def read(
    tables: Sequence[Rows], *, expand_ranges: bool = False, profiles: Collection[str] | None = None, base: Path = Path("/")
) -> Found:
    """Return the assets of the table whose header says most.

    Args:
        tables: The ways in which one file can be read: its sheets, or its text cut at each kind of separator.
        expand_ranges: Whether `10.0.0.1-20` is twenty devices. Only an operator who says so knows that it is.
        profiles: Register profiles that there are; None if that is not known here.
        base: Directory that relative paths start from: that of the plant file to be.
    """
    headers = [(header, rows) for rows in tables if (header := find_header(rows))]
    if not headers:
        suggestion = "Write a first row with at least: name, IP address, protocol. German or English."
        return Found(problems=(Problem(place="", what="no row names the columns", suggestion=suggestion),))
    header, rows = max(headers, key=lambda pair: len(pair[0].columns))
    listed: list[tuple[_Row, Device]] = []
    problems: list[tuple[_Row, Problem]] = []
    for row, cells in _filled(header, rows):
        try:
            _check_profile(cells.get("profile", ""), profiles)
            listed += [(row, device) for device in devices(cells, expand_ranges=expand_ranges)]
        except UnusableRowError as error:
            problems.append((row, Problem(place=str(row), what=error.what, suggestion=error.suggestion)))
    if not listed and not problems:
        return Found(problems=(Problem(place="", what="there is no row below the header"),), titles=header.titles)
    assets, refused = _checked(listed, header.titles, base)
    ordered = sorted([*problems, *refused], key=lambda pair: pair[0].number)
    return Found(assets=assets, problems=tuple(problem for _, problem in ordered), titles=header.titles, unused=header.unknown)


def cell(text: str) -> str:
    """Return a cell on one line, without the apostrophe that keeps a spreadsheet from taking it for a formula."""
    line = " ".join(text.splitlines()).strip()
    return line[1:] if re.match(r"'[=+@'-]", line) else line


def _filled(header: Header, rows: Rows) -> Iterator[tuple[_Row, dict[str, str]]]:
    """Return the rows that say something, without the header where a new page repeats it."""
    for number, content in enumerate(rows[header.row + 1 :], start=header.row + 2):
        cells = {key: cell(content[column]) for key, column in header.columns.items() if column < len(content)}
        if any(map(str.strip, content)) and cells != header.titles:
            yield _Row(number, cells.get("id", "")), cells


def _check_profile(name: str, profiles: Collection[str] | None) -> None:
    if name and profiles is not None and name not in profiles:
        close = difflib.get_close_matches(name.lower(), profiles, n=1)
        suggestion = f"Did you mean {close[0]!r}?" if close else "`nameplated profiles list` shows all there are."
        raise UnusableRowError(f"there is no register profile {shown(name)}", suggestion)


def _checked(
    listed: Sequence[tuple[_Row, Device]], titles: Mapping[str, str], base: Path
) -> tuple[tuple[Asset, ...], list[tuple[_Row, Problem]]]:
    """Hold the devices against the rules of a plant file; return those that break none, and the problems of the others."""
    rows = [row for row, _ in listed]
    assets, problems = _parsed([device for _, device in listed], base)
    bad = {number for number, _, _ in problems}
    if bad:  # no rule is broken by leaving a device out
        assets, _ = _parsed([device for number, (_, device) in enumerate(listed) if number not in bad], base)
    return assets, [(rows[number], _said_of(rows, number, key, problem, titles)) for number, key, problem in problems]


def _parsed(documents: list[Device], base: Path) -> tuple[tuple[Asset, ...], list[tuple[int, str, Problem]]]:
    """Return the assets, or each problem with the number of its device, from 0, and its key."""
    plant, problems = parse(_FRAME | {"asset": documents}, base=base)
    placed = [(re.findall(r"asset\[(\d+)\]\.?(\w*)", problem.place)[0], problem) for problem in problems]
    return plant.asset if plant else (), [(int(number) - 1, key, problem) for (number, key), problem in placed]


def _said_of(rows: Sequence[_Row], number: int, key: str, problem: Problem, titles: Mapping[str, str]) -> Problem:
    """Say of rows and columns what the rules say of a document."""
    column = f", {titles[key]}" if key in titles and key != "id" else ""
    what = re.sub(r"asset\[(\d+)\]", lambda found: str(rows[int(found[1]) - 1]), problem.what)
    return Problem(place=f"{rows[number]}{column}", what=what, suggestion=problem.suggestion)
