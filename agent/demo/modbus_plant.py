"""The Modbus devices of the demo's plant, alive in this process.

Decides how a part of the cast becomes registers and identification objects. Never speaks to anything but loopback.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Self

from agent.demo.modbus_device import Manner, ModbusDevice, Unit
from agent.demo.scene import Kind, Part

VENDOR_NAME, PRODUCT_CODE, REVISION, PRODUCT_NAME, MODEL_NAME, APPLICATION_NAME = 0, 1, 2, 4, 5, 6
PRIVATE_OBJECT = 0x80

QUIET_S = 3.0
"""How long a device that is to be switched off may wait for the end of a visit. Nobody pulls a plug within 100 ms of a poll."""

_MANNERS = {Kind.INDIVIDUAL: Manner.INDIVIDUAL_ONLY, Kind.SILENT: Manner.SILENT, Kind.REFUSES: Manner.HANGS_UP}
_CONFORMITY = {Kind.BASIC: 0x81, Kind.EXTENDED: 0x83}
_OBJECTS = {
    "manufacturer_name": VENDOR_NAME,
    "order_code_of_manufacturer": PRODUCT_CODE,
    "firmware_version": REVISION,
    "manufacturer_product_designation": PRODUCT_NAME,
}


class ModbusPlant:
    """All Modbus devices of a cast, each on its own loopback address."""

    def __init__(self, parts: Iterable[Part], hosts: Mapping[int, str]) -> None:
        self._parts = {part.asset_id: part for part in parts if not part.kind.is_opcua}
        self._devices: dict[int, ModbusDevice] = {}
        for part in self._parts.values():
            device = self._devices.get(part.host)
            if device is None:
                rtu = part.kind is Kind.SERIAL
                device = self._devices[part.host] = ModbusDevice({}, rtu=rtu, host=hosts[part.host])
            device.units[part.unit] = unit(part)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for device in self._devices.values():
            await self._stack.enter_async_context(device)
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self._stack.aclose()

    @property
    def idle(self) -> bool:
        """Whether no visit is under way; one to a device that hangs up at once is over before it can be seen."""
        return not any(_visited(self._devices[part.host]) for part in self._parts.values() if part.kind is not Kind.REFUSES)

    def addresses(self) -> dict[str, str]:
        """Return asset id to address; known once all of them listen."""
        return {name: self._address(part) for name, part in self._parts.items()}

    def counted(self) -> dict[str, Counter[str]]:
        """Return what each asset was asked so far, by function code."""
        return {name: self._counted(part) for name, part in self._parts.items()}

    def update(self, asset_id: str, firmware: str) -> None:
        """Give a device another firmware."""
        part = self._parts[asset_id]
        updated = replace(part, says={**part.says, "firmware_version": firmware})
        self._devices[part.host].units[part.unit] = unit(updated)

    async def leave(self, asset_id: str) -> None:
        """Switch a device off, between two visits."""
        device = self._devices[self._parts[asset_id].host]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(QUIET_S):
                while _visited(device):
                    await asyncio.sleep(0.02)
        await device.stop()

    async def come_back(self, asset_id: str) -> None:
        """Switch a device on again, at the same address."""
        await self._devices[self._parts[asset_id].host].start()

    def _address(self, part: Part) -> str:
        device = self._devices[part.host]
        scheme = "modbus-rtu-tcp" if part.kind is Kind.SERIAL else "modbus-tcp"
        return f"{scheme}://{device.host}:{device.port}?unit={part.unit}"

    def _counted(self, part: Part) -> Counter[str]:
        requests = self._devices[part.host].requests
        return Counter(function_name(pdu) for unit_id, pdu in requests if unit_id == part.unit)


def _visited(device: ModbusDevice) -> bool:
    """Whether a connection is open that the gateway has yet to close."""
    return device.connections > device.fins + device.resets


def unit(part: Part) -> Unit:
    """Make the unit that says what a part has to say."""
    if part.kind is Kind.REGISTERS:
        return Unit(manner=Manner.NO_IDENTIFICATION, holding=wago_registers(part.says))
    objects = {number: part.says[field].encode() for field, number in _OBJECTS.items() if field in part.says}
    if part.kind is Kind.EXTENDED:  # so much to say that it takes more than one page
        objects |= {MODEL_NAME: b"TC-40-EU-8", APPLICATION_NAME: b"Oven 2", PRIVATE_OBJECT: b"Zone controller, 8 zones"}
    return Unit(
        objects=objects,
        conformity=_CONFORMITY.get(part.kind, 0x82),
        manner=_MANNERS.get(part.kind, Manner.STREAMS),
        page_bytes=32 if part.kind is Kind.EXTENDED else 246,
    )


def wago_registers(says: Mapping[str, str]) -> dict[int, int]:
    """Fill the information registers of a WAGO 750 coupler.

    >>> wago_registers({"order_code_of_manufacturer": "750-881", "firmware_version": "10.7(04)"})
    {8208: 4, 8209: 750, 8210: 881, 8211: 10, 8212: 7}
    """
    series, item = says["order_code_of_manufacturer"].split("-")
    version, index = says["firmware_version"].rstrip(")").split("(")
    major, minor = version.split(".")
    return {0x2010: int(index), 0x2011: int(series), 0x2012: int(item), 0x2013: int(major), 0x2014: int(minor)}


def function_name(pdu: bytes) -> str:
    """Name a request as the ledger does: by function code, and MEI type where there is one.

    >>> function_name(bytes.fromhex("2b0e0200")), function_name(bytes.fromhex("0320100001"))
    ('43/14', '3')
    """
    return f"{pdu[0]}/{pdu[1]}" if pdu[:1] == b"\x2b" and len(pdu) > 1 else str(pdu[0]) if pdu else "nothing"
