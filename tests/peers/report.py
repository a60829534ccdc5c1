"""A run as a table for a person, or as one JSON document for a program.

Decides the form only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.peers.servers import Server
from tests.peers.verdict import Sighting

HEADINGS = ("peer", "version", "address", "outcome", "manufacturer", "product", "firmware", "serial", "requests")
PRODUCT = ("manufacturer_product_designation", "order_code_of_manufacturer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What became of one peer.

    Attributes:
        server: The server.
        probed: What `probe` saw.
        received: What the receiver holds, or None.
        faults: What is wrong, a sentence each.
    """

    server: Server
    probed: Sighting
    received: Sighting | None
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a run.

    Attributes:
        rows: The peers that ran.
        skipped: Peer to why it could not run on this machine.
        wrong: What is wrong with the line as a whole.
        seconds: How long it took.
    """

    rows: Sequence[Row]
    skipped: Mapping[str, str]
    wrong: Sequence[str]
    seconds: float

    @property
    def good(self) -> bool:
        """Whether everything that ran was right."""
        return not self.wrong and not any(row.faults for row in self.rows)


def page(result: Result) -> str:
    """Say it to a person: the table, what is wrong, what was left out, and one closing line."""
    lines = [_table(result.rows), ""]
    lines += [f"wrong: {row.server.peer.name}: {fault}" for row in result.rows for fault in row.faults]
    lines += [f"wrong: the line: {fault}" for fault in result.wrong]
    lines += [f"skipped: {name}: {why}" for name, why in result.skipped.items()]
    bad = sum(bool(row.faults) for row in result.rows)
    good = len(result.rows) - bad
    lines.append(f"{good} peers as they should be, {bad} not, {len(result.skipped)} skipped, in {result.seconds:.0f} s")
    return "\n".join(lines)


def document(result: Result) -> dict[str, Any]:
    """Say the same to a program."""
    return {
        "good": result.good,
        "seconds": round(result.seconds, 1),
        "peers": [_entry(row) for row in result.rows],
        "skipped": dict(result.skipped),
        "wrong": list(result.wrong),
    }


def _entry(row: Row) -> dict[str, Any]:
    """One peer, for a program."""
    peer, probed = row.server.peer, row.probed
    return {
        "peer": peer.name,
        "package": peer.package,
        "version": row.server.version,
        "address": row.server.address,
        "expected": peer.outcome,
        "outcome": probed.outcome,
        "detail": probed.detail,
        "nameplate": probed.nameplate,
        "remarks": probed.remarks,
        "requests": probed.requests,
        "received": row.received.outcome if row.received else None,
        "faults": row.faults,
    }


def _table(rows: Sequence[Row]) -> str:
    """Lay the peers out as a table."""
    cells = [HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells)


def _cells(row: Row) -> tuple[str, ...]:
    """The cells of one line, in the order of `HEADINGS`."""
    peer, nameplate = row.server.peer, row.probed.nameplate
    product = next((nameplate[name] for name in PRODUCT if name in nameplate), "")
    return (
        peer.name,
        row.server.version,
        _short(row.server.address),
        row.probed.outcome,
        nameplate.get("manufacturer_name", ""),
        product,
        nameplate.get("firmware_version", ""),
        nameplate.get("serial_number", ""),
        str(sum(row.probed.requests.values())),
    )


def _short(address: str) -> str:
    """A serial port lies deep in a temporary folder; its name says enough."""
    scheme, _, rest = address.partition("://")
    return f"{scheme}:…/{rest.rpartition('/')[2]}" if rest.startswith("/") else address
