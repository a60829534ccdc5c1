"""The OPC UA devices of the demo's plant, alive in this process.

Decides how a part of the cast becomes an OPC UA server. Its servers take any client's certificate: whom a server trusts is the
plant's business, whom the gateway trusts is shown by the demo.
"""

import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from agent.demo.opcua_device import Build, OpcUaDevice, Specification
from agent.demo.scene import Kind, Part
from protocols.contract import Security

_PROPERTIES = {
    "manufacturer_name": "Manufacturer",
    "manufacturer_product_designation": "Model",
    "firmware_version": "SoftwareRevision",
    "serial_number": "SerialNumber",
}


class OpcUaPlant:
    """All OPC UA devices of a cast, each on its own loopback address."""

    def __init__(self, parts: Iterable[Part], hosts: Mapping[int, str], folder: Path) -> None:
        logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # it tells every connection at length
        wanted = [part for part in parts if part.kind.is_opcua]
        self._hosts = {part.asset_id: hosts[part.host] for part in wanted}
        self._devices = {part.asset_id: OpcUaDevice(specification(part, hosts[part.host], folder)) for part in wanted}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for device in self._devices.values():
            await device.start()
            self._stack.push_async_callback(device.stop)
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self._stack.aclose()

    def addresses(self) -> dict[str, str]:
        """Return asset id to address; known once all of them listen."""
        return {name: f"opc.tcp://{self._hosts[name]}:{device.port}" for name, device in self._devices.items()}

    def counted(self) -> dict[str, Counter[str]]:
        """Return what each asset was asked so far, by service."""
        return {name: Counter(device.requests) for name, device in self._devices.items()}

    def thumbprints(self) -> dict[str, str]:
        """Return the SHA-256 of each server's certificate, as its front panel would show it."""
        return {
            name: hashlib.sha256(device.certificate).hexdigest() for name, device in self._devices.items() if device.certificate
        }


def specification(part: Part, host: str, folder: Path) -> Specification:
    """Describe the server that says what a part has to say.

    Args:
        part: The part.
        host: Where it listens.
        folder: Where a secure server puts its certificate and key.
    """
    build = Build(
        product_name=part.says["manufacturer_product_designation"],
        product_uri=f"urn:demo:{part.asset_id}",
        manufacturer_name=part.says["manufacturer_name"],
        software_version=part.says.get("software_version", "1.0.0"),
    )
    secure = part.kind is Kind.OPC_UA_SECURE
    nameplate = {name: part.says[field] for field, name in _PROPERTIES.items() if field in part.says}
    return Specification(
        host=host,
        name=part.says["manufacturer_product_designation"],
        uri=f"urn:demo:{part.asset_id}:server",
        build=build,
        devices={part.asset_id: nameplate} if secure else {},
        security=Security.SIGN_AND_ENCRYPT if secure else Security.NONE,
        pki_dir=str(folder) if secure else "",
    )
