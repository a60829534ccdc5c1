"""`nameplated config export`: the table that came in, with what was read since.

Decides which readings stand beside the plant's own columns. Never asks a device: it tells what collect has left in the
journal. Never overwrites a file. The whole inventory, for other programs, is what `nameplated assets --format` writes.
"""

import argparse
import sys
from collections.abc import Mapping

from agent import wiring
from agent.core.asset import AssetState
from agent.core.identity import text
from agent.operator import page
from agent.service import Exit
from config.load import load
from config.tabulate import tabulate
from inventory.export import ExportError, write_new
from inventory.rows import as_csv

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
    plant = load(options.config)
    asked = wiring.Places(plant).journal.exists()
    states = wiring.asset_states(plant) if asked else {}
    if not asked:
        print("nameplated: collect has not run yet; the table has no readings.", file=sys.stderr)
    rows = tabulate(plant.asset, {asset.id: readings(states.get(asset.id)) for asset in plant.asset})
    text = as_csv(rows, delimiter=options.delimiter)
    if options.target is None:
        print(text, end="")
        return Exit.OK
    try:
        write_new(options.target, text, spreadsheet=True)
    except ExportError as error:
        print(f"nameplated: {error}", file=sys.stderr)
        return Exit.USAGE
    print(f"{options.target}: written, {page.count(len(plant.asset), 'asset')}.")
    return Exit.OK


def readings(state: AssetState | None) -> Mapping[str, str]:
    """Return what was read of one asset, by heading; the last known nameplate stays while a device is away."""
    if state is None:
        return {**dict.fromkeys(READ, ""), "state": "not asked yet", "last seen": ""}
    nameplate = state.known.nameplate if state.known else {}
    told = {heading: text(nameplate, field) for heading, field in READ.items()}
    return {**told, "state": state.observation.outcome, "last seen": state.last_seen_at or ""}
