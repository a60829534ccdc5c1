"""An OPC UA server on the asyncua package, with the DI nodeset as the OPC Foundation published it and one device of a type of it.

Told by JSON as its argument what to be, like `node/node_opcua.js`; its standard input is its lifeline. Clients that are not in
`<pki>/trusted/certs` are rejected in a protected mode, and their certificates laid into `<pki>/rejected`.
"""

import asyncio
import json
import logging
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from asyncua import Server, ua
from asyncua.common.utils import ServiceError
from cryptography import x509

from agent.demo.opcua_device import OpcUaDevice, Specification
from protocols.contract import Security
from protocols.opcua.certificates import thumbprint, to_der

DI = "http://opcfoundation.org/UA/DI/"
DEVICE_TYPE, DEVICE_SET = 1002, 5001


async def main(settings: dict[str, Any]) -> None:
    """Serve until standard input closes."""
    pki = Path(settings["pki"])
    for folder in ("trusted/certs", "rejected"):
        (pki / folder).mkdir(parents=True, exist_ok=True)
    mode = Security(settings.get("mode", "none"))
    device = OpcUaDevice(Specification(name="Press", security=mode, policies=(settings.get("policy", ""),), pki_dir=str(pki)))
    await device.start()
    device.server.set_certificate_validator(_Doorkeeper(pki).judge)
    await _fill(device.server, settings)
    print(json.dumps({"port": device.port, "version": version("asyncua")}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await device.stop()


async def _fill(server: Server, settings: dict[str, Any]) -> None:
    """Load the nodeset, and put a device of a `DeviceType` into its `DeviceSet`."""
    await server.import_xml(settings["nodeset"], strict_mode=False)  # it knows an older base than the nodeset wants
    di = await server.get_namespace_index(DI)
    own = await server.register_namespace("urn:works.example:devices")
    device_set = server.get_node(ua.NodeId(DEVICE_SET, di))
    device_type = await server.get_node(ua.NodeId(DEVICE_TYPE, di)).add_object_type(
        own, "PressType"
    )  # the standard's is abstract
    device = await device_set.add_object(own, "Press7", objecttype=device_type)
    there = {(await child.read_browse_name()).Name: child for child in await device.get_properties()}
    for name, text in settings["device"].items():
        kind = ua.VariantType.LocalizedText if name in ("Manufacturer", "Model") else ua.VariantType.String
        value = ua.Variant(ua.LocalizedText(text) if kind is ua.VariantType.LocalizedText else text, kind)
        if name in there:
            await there[name].write_value(value)
        else:
            await device.add_property(di, name, value)


class _Doorkeeper:
    """Lets in whose certificate lies in the folder, and keeps the others for a person."""

    def __init__(self, pki: Path) -> None:
        self._pki = pki

    async def judge(self, certificate: x509.Certificate, *_: object) -> None:
        der = to_der(certificate)
        if any(file.read_bytes() == der for file in (self._pki / "trusted" / "certs").iterdir()):
            return
        (self._pki / "rejected" / f"{thumbprint(der)}.der").write_bytes(der)
        raise ServiceError(ua.StatusCodes.BadCertificateUntrusted)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(main(json.loads(sys.argv[1])))
