"""Which form of an inventory is asked for, and where it goes.

Decides which parts are loaded: CycloneDX needs a library that only those have who want it. Never overwrites a file.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from uuid import UUID

import msgspec

from inventory import rows
from inventory.item import Item


class Form(StrEnum):
    """A form that other programs read."""

    JSON = "json"
    CSV = "csv"
    CYCLONEDX = "cyclonedx"


class ExportError(Exception):
    """An inventory cannot be written; the sentence says what to do."""


def export(form: Form, items: Sequence[Item], *, at: datetime, serial: UUID, version: str, delimiter: str = ";") -> str:
    """Return an inventory in one of the forms.

    Args:
        form: Which.
        items: The assets.
        at: When it is made, with a time zone; CycloneDX only.
        serial: Number of the document; CycloneDX only.
        version: Of this program; CycloneDX only.
        delimiter: Between columns; CSV only.

    Raises:
        ExportError: The library that it needs is not installed.
    """
    match form:
        case Form.JSON:
            return msgspec.json.format(msgspec.json.encode({"assets": items}), indent=2).decode() + "\n"
        case Form.CSV:
            return rows.document(items, delimiter=delimiter)
        case Form.CYCLONEDX:
            try:
                from inventory import cyclonedx  # noqa: PLC0415  # an extra: only who asks for it pays for it
            except ModuleNotFoundError as error:
                what = f"CycloneDX needs cyclonedx-python-lib, and {error.name} is not installed"
                raise ExportError(f"{what}. Install nameplated with its extra operator or isms, or take CSV or JSON.") from error
            return cyclonedx.document(items, at=at, serial=serial, version=version)


def write_new(file: Path, text: str, *, spreadsheet: bool) -> None:
    """Write a file that was not there.

    Args:
        file: Where.
        text: What.
        spreadsheet: Whether it begins with a byte order mark, without which Excel takes UTF-8 for a Windows encoding.

    Raises:
        ExportError: It is there already.
        OSError: It cannot be written.
    """
    try:
        with file.open("x", encoding="utf-8-sig" if spreadsheet else "utf-8", newline="") as opened:
            opened.write(text)
    except FileExistsError as error:
        raise ExportError(f"{file} is there already, and was not changed. Name another file.") from error
