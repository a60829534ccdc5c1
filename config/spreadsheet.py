"""A spreadsheet on disk becomes rows of text: CSV as every program writes it, and XLSX.

The only reader of foreign lists. Decides encodings and separators, never what a cell means (`config.table` does). Never
computes a formula, follows a link or opens a second file, and takes no more from a file than a device list can hold: a
spreadsheet comes by mail from anybody.

Source: RFC 4180, and what programs do instead; ECMA-376 (XLSX) through openpyxl, which reads row by row.
"""

import csv
import io
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError  # the name of an error; openpyxl parses

from config.errors import ConfigError, Problem

MAX_BYTES = 16 * 1024 * 1024
MAX_UNPACKED_BYTES = 64 * 1024 * 1024
MAX_ROWS = 20_000
MAX_COLUMNS = 100
MAX_SHEETS = 20
MAX_CELL = 1024  # characters: more than any key may hold, so that what is cut off is refused all the same
SEPARATORS = (";", ",", "\t", "|")

Table = list[list[str]]

_ZIP = b"PK\x03\x04"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, ParseError, LookupError, ValueError, TypeError, AttributeError, OSError, EOFError),
    *(RuntimeError, NotImplementedError),
)
"""What openpyxl raises for files that are none, or that are made to hurt."""


def read_tables(path: Path) -> list[Table]:
    """Return the ways in which a file can be read as a table: each sheet, or the text cut at each kind of separator.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _unusable(path, f"cannot be read: {error.strerror}", "Check the path, its owner and its mode.") from error
    if len(content) > MAX_BYTES:
        raise _unusable(path, f"is larger than {MAX_BYTES} bytes", "This is not a list of devices.")
    if content.startswith(_OLD_EXCEL):
        raise _unusable(path, "is an Excel file of before 2007, or protected by a password", "Save it as CSV or XLSX.")
    if content.startswith(_ZIP):
        return _sheets(content, path)
    text = decoded(content)
    if text is None:
        raise _unusable(path, "is neither a text nor a spreadsheet", "Save the list as CSV or XLSX.")
    return [_bounded(_cut(text, separator), path) for separator in SEPARATORS]


def decoded(content: bytes) -> str | None:
    """Return a CSV file as text, or None if it is none: with its byte order mark, as UTF-8, else as Windows writes it.

    >>> decoded(bytes.fromhex("4765 72e4 74"))
    'Gerät'
    """
    utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if utf16 else ("utf-8-sig", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return None if "\x00" in text else text
    return None


def _cut(text: str, separator: str) -> Table:
    """Return the text's rows. A line `sep=;`, which Excel writes and reads, keeps its place and names no column."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        return [[cell[:MAX_CELL] for cell in row[:MAX_COLUMNS]] for row in islice(reader, MAX_ROWS)]
    except csv.Error:  # a cell of more than 128 KiB: not cut at this separator
        return []


def _sheets(content: bytes, path: Path) -> list[Table]:
    try:
        from openpyxl import load_workbook  # noqa: PLC0415  # an extra, and 100 ms: only who brings an XLSX pays for it
    except ImportError as error:
        raise _unusable(path, "is an XLSX file, and openpyxl is not installed", "Save the list as CSV, or install it.") from error
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > MAX_UNPACKED_BYTES:
            raise _unusable(path, f"unpacks to more than {MAX_UNPACKED_BYTES} bytes", "This is not a list of devices.")
        with warnings.catch_warnings(action="ignore"):  # openpyxl tells of styles and extensions that it leaves out
            book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
            return [_bounded(_rows(sheet), path) for sheet in islice(_visible(book), MAX_SHEETS)]
    except _BROKEN as error:
        raise _unusable(path, "is not an XLSX file that can be read", "Open it, save it anew, or save it as CSV.") from error


def _visible(book: Any) -> Iterator[Any]:
    return (sheet for sheet in book.worksheets if sheet.sheet_state == "visible")


def _rows(sheet: Any) -> Table:
    sheet.reset_dimensions()  # the size that a file states for itself is often wrong
    rows = sheet.iter_rows(max_row=MAX_ROWS, max_col=MAX_COLUMNS, values_only=True)
    return [["" if value is None else str(value)[:MAX_CELL] for value in row] for row in rows]


def _bounded(table: Table, path: Path) -> Table:
    """Refuse a table that goes on where we stopped reading; empty rows that were only formatted do not count."""
    if len(table) == MAX_ROWS and any(table[-1]):
        raise _unusable(path, f"has more than {MAX_ROWS} rows", "Cut it into several plants.")
    return table


def _unusable(path: Path, what: str, suggestion: str) -> ConfigError:
    return ConfigError([Problem(place="", what=what, suggestion=suggestion)], path)
