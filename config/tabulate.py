"""Assets become rows of a spreadsheet: the list that came in, with room for what was read.

Decides headings and cells. What it says `config.table` reads back as the same assets. Never writes a file: whoever does makes
the cells harmless for spreadsheets (`inventory.rows`).
"""

from collections.abc import Mapping, Sequence

import msgspec

from config.address import Address, Scheme
from config.model import Asset

PROTOCOLS = {
    Scheme.MODBUS_TCP: "Modbus TCP",
    Scheme.MODBUS_RTU_TCP: "Modbus RTU over TCP",
    Scheme.MODBUS_RTU: "Modbus RTU",
    Scheme.OPC_UA: "OPC UA",
}

HEADINGS = {
    "id": "asset id",
    "protocol": "protocol",
    "host": "IP / host",
    "port": "port",
    "line": "serial port",
    "baud": "baud",
    "parity": "parity",
    "unit": "unit id",
    "path": "path",
    "security": "security",
    "deprecated_policies": "deprecated policies",
    "username_file": "username file",
    "user_certificate_file": "user certificate",
    "user_key_file": "user key",
    "profile": "profile",
    "accept_risk": "accept risk",
    "role": "type",
    "criticality": "criticality",
    "location": "location",
    "register_id": "ISMS id",
    "description": "description",
}
"""Key to heading, in the order of the columns."""

ALWAYS = frozenset({"id", "protocol", "host", "port", "unit", "role", "location", "criticality"})
"""Columns that are there even where no asset fills them: somebody will."""


def tabulate(assets: Sequence[Asset], told: Mapping[str, Mapping[str, str]]) -> list[list[str]]:
    """Return header and rows.

    Args:
        assets: The devices of a plant file.
        told: Asset id to what was read of it: heading to text, the same headings for each. They follow the plant's own columns.
    """
    lines = [_cells(asset) for asset in assets]
    keys = [key for key in HEADINGS if key in ALWAYS or any(line[key] for line in lines)]
    headings = list(next(iter(told.values()), {}))
    body = [
        [*(line[key] for key in keys), *(told.get(asset.id, {}).get(heading, "") for heading in headings)]
        for asset, line in zip(assets, lines, strict=True)
    ]
    return [[*(HEADINGS[key] for key in keys), *headings], *body]


def _cells(asset: Asset) -> dict[str, str]:
    """What a plant file says of one asset, by key; empty where it says nothing."""
    silent = (("security", "none"), ("address", asset.address))
    given = {name: value for name, value in msgspec.structs.asdict(asset).items() if value and (name, value) not in silent}
    texts = {name: "yes" if value is True else str(value) for name, value in given.items()}
    return dict.fromkeys(HEADINGS, "") | _place(asset.address) | texts


def _place(address: Address) -> dict[str, str]:
    """Where an asset is asked, by key."""
    serial = address.scheme is Scheme.MODBUS_RTU
    return {
        "protocol": PROTOCOLS[address.scheme],
        "host": "" if serial else address.host,
        "port": "" if serial else str(address.port),
        "line": address.host if serial else "",
        "baud": str(address.baud) if serial else "",
        "parity": address.parity if serial else "",
        "unit": "" if address.unit is None else str(address.unit),
        "path": address.path,
    }
