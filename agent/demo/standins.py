"""Stand-ins for the devices of somebody's own plant file, and the plant file that points at them.

Decides what a stand-in is and what it says. Pure. Never keeps an address of the real plant: a rehearsal must not reach a device.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from agent.demo.scene import Kind, Part
from config.address import Address, Scheme
from config.model import Asset, BrokerSection, CollectSection, GatewaySection, Plant, ReceiverSection

MAKER = "Stand-in"
MOST_HOSTS = 500  # each listens at a loopback address of its own

PACE = CollectSection(
    identity_interval_s=60,
    gap_ms=50,
    connect_timeout_s=2,
    response_timeout_s=2,
    serial_response_timeout_s=3,
    backoff_first_s=2,
    backoff_longest_s=8,
)
"""Faster than any plant would be asked: a person waits for it."""

_KINDS = {
    Scheme.MODBUS_TCP: Kind.REGULAR,
    Scheme.MODBUS_RTU_TCP: Kind.SERIAL,
    Scheme.MODBUS_RTU: Kind.SERIAL,
    Scheme.OPC_UA: Kind.OPC_UA,
}


def stand_ins(plant: Plant) -> tuple[Part, ...]:
    """Return a device for each asset. What shares a connection in the plant shares one here."""
    hosts: dict[tuple[Scheme, str, int, str], int] = {}
    return tuple(_stand_in(asset, hosts.setdefault(_place(asset.address), len(hosts) + 1)) for asset in plant.asset)


def rehearsal(plant: Plant, addresses: Mapping[str, str], *, state_dir: Path, broker_port: int, receiver_key: Path) -> Plant:
    """Return the plant with stand-ins in place of its devices: the same ids, and nothing of its networks.

    Profiles, users and certificates are left out with the devices that they belong to.

    Args:
        plant: The plant file.
        addresses: Asset id to the address of its stand-in.
        state_dir: The gateway's state directory.
        broker_port: Port of the broker on 127.0.0.1.
        receiver_key: File with the receiver's public key.
    """
    return Plant(
        plant=plant.plant,
        gateway=GatewaySection(id=plant.gateway.id, state_dir=state_dir),
        broker=BrokerSection(url=f"mqtt://127.0.0.1:{broker_port}"),
        receiver=ReceiverSection(key_file=receiver_key),
        collect=PACE,
        asset=tuple(_pointed(asset, addresses[asset.id]) for asset in plant.asset),
    )


def _stand_in(asset: Asset, host: int) -> Part:
    says = {
        "manufacturer_name": MAKER,
        "manufacturer_product_designation": asset.role or "device",
        "order_code_of_manufacturer": asset.id,
        "firmware_version": "1.0",
        "software_version": "1.0",
    }
    unit = asset.address.unit
    return Part(
        asset_id=asset.id,
        kind=_KINDS[asset.address.scheme],
        host=host,
        unit=1 if unit is None else unit,
        says=says,
        role=asset.role,
        location=asset.location,
    )


def _place(address: Address) -> tuple[Scheme, str, int, str]:
    return address.scheme, address.host, address.port, address.path


def _pointed(asset: Asset, address: str) -> Asset:
    told = {name: getattr(asset, name) for name in ("role", "criticality", "location", "register_id", "description")}
    return msgspec.structs.replace(Asset(id=asset.id, address=Address.parse(address)), **told)
