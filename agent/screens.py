"""What a person reads: tables and pages as plain text that fits a terminal.

Decides layout only. Never asks anything, and never lets a device's text drive the terminal: it was cleaned where it came in,
and control characters are dropped here once more.
"""

import shutil
import textwrap
from collections.abc import Iterable, Mapping, Sequence

from agent.core.asset import AssetState
from agent.core.identity import text
from agent.core.observation import Nameplate, Observation

NARROWEST = 60


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, width: int | None = None) -> str:
    """Lay out rows below a head; the widest columns give way first where the terminal is too narrow.

    >>> print(table(("asset", "state"), [("press-07", "identified")], width=80))
    asset     state
    press-07  identified
    """
    lines = [[_plain(cell) for cell in row] for row in (head, *rows)]
    room = max(NARROWEST, width or shutil.get_terminal_size((100, 24)).columns) - 2 * (len(head) - 1)
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    while sum(widths) > room:
        widest = widths.index(max(widths))
        widths[widest] -= 1
    return "\n".join("  ".join(_fit(cell, wide) for cell, wide in zip(line, widths, strict=True)).rstrip() for line in lines)


def assets(states: Mapping[str, AssetState]) -> str:
    """One line for each asset: what it is, and when it was last seen."""
    head = ("asset", "manufacturer", "product", "firmware", "serial", "state", "last seen")
    return table(head, [_asset_row(name, state) for name, state in sorted(states.items())])


def nameplate(look: Observation) -> str:
    """One look at one device, with the evidence for each field and what it cost."""
    parts = [f"{look.address}: {look.outcome}", _sentence(look.detail)]
    if look.nameplate:
        rows = [(field, value.value, value.source, value.confidence, value.raw) for field, value in look.nameplate.items()]
        parts += ["", table(("field", "value", "source", "confidence", "raw"), rows)]
    if look.software_components:
        components = [(part.name, part.version, part.manufacturer) for part in look.software_components]
        parts += ["", table(("software", "version", "manufacturer"), components)]
    for child in look.children:
        parts += ["", f"behind it: {_plain(child.key)}", table(("field", "value"), _values(child.nameplate))]
    if look.posture:
        parts += ["", f"security: {' '.join(look.posture.get('findings', ())) or 'no findings'}"]
    if look.remarks:
        parts += ["", "remarks: " + "; ".join(_plain(remark) for remark in look.remarks)]
    return "\n".join([*parts, "", _cost(look)])


def _asset_row(name: str, state: AssetState) -> tuple[str, ...]:
    plate = state.known.nameplate if state.known else {}
    product = text(plate, "manufacturer_product_designation") or text(plate, "order_code_of_manufacturer")
    return (
        name,
        text(plate, "manufacturer_name"),
        product,
        text(plate, "firmware_version"),
        text(plate, "serial_number"),
        state.observation.outcome,
        (state.last_seen_at or "never").replace("T", " ")[:19],
    )


def _values(plate: Nameplate) -> list[tuple[str, str]]:
    return [(field, value.value) for field, value in plate.items()]


def _sentence(detail: str) -> str:
    """A sentence in lines of the terminal. Paths, thumbprints and commands stay whole, to be copied."""
    width = max(NARROWEST, shutil.get_terminal_size((100, 24)).columns)
    indent = "  "
    return textwrap.fill(
        _plain(detail), width, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _cost(look: Observation) -> str:
    cost = look.ledger
    asked = ", ".join(f"{count} x {name}" for name, count in cost.requests.items()) or "nothing"
    gap = "" if cost.smallest_gap_ms is None else f", smallest gap {cost.smallest_gap_ms:.0f} ms"
    connections = "1 connection" if cost.connections == 1 else f"{cost.connections} connections"
    return (
        f"cost: {connections}, asked {asked}, "
        f"{cost.sent_bytes} bytes out, {cost.received_bytes} bytes in, {cost.duration_ms:.0f} ms{gap}"
    )


def _plain(cell: str) -> str:
    """Drop whatever is not printable."""
    return "".join(character for character in cell if character.isprintable())


def _fit(cell: str, width: int) -> str:
    return cell.ljust(width) if len(cell) <= width else cell[: max(width - 1, 0)] + "…"
