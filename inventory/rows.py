"""Items as a table: one line for each asset, and one for each device behind it.

Decides columns, their order and their cells. Never lets a text that came from a device run in somebody's spreadsheet: a cell
that could be taken for a formula begins with an apostrophe, and what cannot be read, such as a line end, is shown as a dot.

Source: RFC 4180. What it leaves open: UTF-8; a byte order mark in files, by which spreadsheets know that (`export.write_new`).
"""

import csv
import io
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence

from evidence.kinds import Nameplate
from evidence.topics import parse_issuer
from inventory.item import Item

NAMEPLATE = (
    *("manufacturer_name", "manufacturer_product_designation", "manufacturer_product_family", "manufacturer_product_type"),
    *("order_code_of_manufacturer", "serial_number", "hardware_version", "firmware_version", "software_version"),
    *("year_of_construction", "date_of_manufacture", "uri_of_the_product"),
)
"""Fields of IDTA 02006-3, each a column of its own."""

COLUMNS = (
    *("plant", "gateway", "asset_id", "behind", "address", "role", "criticality", "location", "register_id"),
    *NAMEPLATE,
    *("confidence", "software", "security", "outcome", "last_seen_at", "identified_at", "changes", "last_change_at"),
)
"""`behind` is empty for an asset, and for a device behind one its name there. New columns come at the end."""

CONFIDENCES = ("low", "medium", "high")

DELIMITERS = (";", ",")
"""Between columns: a spreadsheet takes the first in most of Europe, the second elsewhere."""


_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Categories of characters that drive something, or end a line, instead of being read."""


def rows(items: Iterable[Item]) -> Iterator[dict[str, str]]:
    """Return the lines of a table, by column; empty where nothing is known."""
    for item in items:
        asset = _asset(item)
        yield asset
        of_parent = {name: asset[name] for name in ("plant", "gateway", "asset_id", "address", "outcome", "last_seen_at")}
        for child in item.children:
            yield dict.fromkeys(COLUMNS, "") | of_parent | {"behind": child.key} | _nameplate(child.nameplate)


def as_csv(table: Iterable[Sequence[str]], *, delimiter: str) -> str:
    """Return rows as CSV; every cell is harmless and on one line."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows([harmless(cell) for cell in row] for row in table)
    return text.getvalue()


def document(items: Iterable[Item], *, delimiter: str) -> str:
    """Return an inventory as CSV, with a header."""
    return as_csv([COLUMNS, *(list(row.values()) for row in rows(items))], delimiter=delimiter)


def harmless(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula and that stays on its line.

    >>> harmless("=HYPERLINK(1)"), harmless("V1.10")
    ("'=HYPERLINK(1)", 'V1.10')
    """
    line = "".join("·" if unicodedata.category(character) in _UNSEEN else character for character in cell)
    return f"'{line}" if line.lstrip()[:1] in ("=", "+", "-", "@", "'") else line


def confidence(nameplate: Nameplate) -> str:
    """Return how far a nameplate may be believed: as far as its weakest field."""
    told = {field.confidence for field in nameplate.values()}
    return next((word for word in CONFIDENCES if word in told), "")


def _asset(item: Item) -> dict[str, str]:
    plant, gateway = parse_issuer(item.iss) or ("", "")
    changed = [change.observed_at for change in item.changes]
    return dict.fromkeys(COLUMNS, "") | _nameplate(item.nameplate) | {
        "plant": plant,
        "gateway": gateway,
        "asset_id": item.asset_id,
        "address": item.address,
        "role": item.role,
        "criticality": item.criticality,
        "location": item.location,
        "register_id": item.register_id or "",
        "software": "; ".join(f"{part.name} {part.version}".strip() for part in item.software_components),
        "security": " ".join(map(str, findings(item.posture))),
        "outcome": item.outcome,
        "last_seen_at": item.last_seen_at or "",
        "identified_at": item.identified_at or "",
        "changes": str(len(changed)),
        "last_change_at": max(changed, default=""),
    }  # fmt: skip


def findings(posture: Mapping[str, object] | None) -> list[object]:
    """Return the short names of what deserves attention about an endpoint's security. Its form is another program's word."""
    found = posture.get("findings") if posture else None
    return list(found) if isinstance(found, list | tuple) else []


def _nameplate(nameplate: Nameplate) -> dict[str, str]:
    told = {field: nameplate[field].value for field in NAMEPLATE if field in nameplate}
    return told | {"confidence": confidence(nameplate)}
