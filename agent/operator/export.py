"""`nameplated config export`: the table that came in, with what was read since.

Decides which readings stand beside the plant's own columns. Never asks a device: it tells what collect has left in the
journal. Never overwrites a file.
"""

import argparse
import csv
import sys
from collections.abc import Mapping
from pathlib import Path

from agent import wiring
from agent.core.asset import AssetState
from agent.core.identity import text
from agent.operator import page
from agent.service import Exit
from config.load import load
from config.tabulate import tabulate

READ = {
    "manufacturer": "manufacturer_name",
    "product": "manufacturer_product_designation",
    "order code": "order_code_of_manufacturer",
    "serial number": "serial_number",
    "hardware": "hardware_version",
    "firmware": "firmware_version",
}
"""Heading to field of the nameplate."""


def main(options: argparse.Namespace) -> int:
    """Write the table.

    Raises:
        ConfigError: The plant file cannot be used.
        OSError: The journal cannot be read, or the table not written.
    """
    if options.target is not None and options.target.exists():
        print(f"nameplated: {options.target} is there already, and was not changed. Name another file.", file=sys.stderr)
        return Exit.USAGE
    plant = load(options.config)
    asked = wiring.Places(plant).journal.exists()
    states = wiring.asset_states(plant) if asked else {}
    if not asked:
        print("nameplated: collect has not run yet; the table has no readings.", file=sys.stderr)
    rows = tabulate(plant.asset, {asset.id: readings(states.get(asset.id)) for asset in plant.asset})
    if options.target is None:
        csv.writer(sys.stdout, delimiter=options.delimiter, lineterminator="\n").writerows(rows)
        return Exit.OK
    _write(options.target, rows, options.delimiter)
    print(f"{options.target}: written, {page.count(len(plant.asset), 'asset')}.")
    return Exit.OK


def readings(state: AssetState | None) -> Mapping[str, str]:
    """Return what was read of one asset, by heading; the last known nameplate stays while a device is away."""
    if state is None:
        return {**dict.fromkeys(READ, ""), "state": "not asked yet", "last seen": ""}
    nameplate = state.known.nameplate if state.known else {}
    told = {heading: text(nameplate, field) for heading, field in READ.items()}
    return {**told, "state": state.observation.outcome, "last seen": state.last_seen_at or ""}


def _write(target: Path, rows: list[list[str]], delimiter: str) -> None:
    """Write a file that spreadsheets open as UTF-8: with a byte order mark."""
    with target.open("x", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
