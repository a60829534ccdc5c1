"""The foreign servers, and what each of them must be recognised as.

Decides what a run expects: servers that this project did not write, each in the shapes in which it answers differently. Starts
nothing, and names only values that the servers are given here, so that every value at the receiver can have come one way only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from protocols.contract import Outcome, Security


class Package(StrEnum):
    """Whose code answers."""

    MODBUS_SERIAL = "modbus-serial"
    JSMODBUS = "jsmodbus"
    LIBMODBUS = "libmodbus"
    NODE_OPCUA = "node-opcua"
    ASYNCUA = "asyncua"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One foreign server in one shape.

    Attributes:
        name: For people, and the asset id in the plant file.
        package: Whose code answers.
        address: Address with `{port}`, or `{line}` for a serial port that leads to it.
        settings: What the server is told to be; see the program that starts it.
        outcome: How a look at it must end.
        nameplate: Every field that the look must find, and no other.
        profile: Register profile to read it with.
        security: How the OPC UA session is protected.
        deprecated_policies: Whether security policies that rest on SHA-1 will do.
        user: Who logs in: "anonymous", "password" or "certificate".
    """

    name: str
    package: Package
    address: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    outcome: Outcome = Outcome.IDENTIFIED
    nameplate: Mapping[str, str] = field(default_factory=dict)
    profile: str = ""
    security: Security = Security.NONE
    deprecated_policies: bool = False
    user: str = "anonymous"

    @property
    def serial(self) -> bool:
        """Whether it is reached over a serial line."""
        return "{line}" in self.address


_TCP = "modbus-tcp://127.0.0.1:{port}?unit=1"

_OBJECTS = {0: "Foreign Works", 1: "FW-100", 2: "3.2.1", 4: "Press control", 5: "FW-100/A"}
_OBJECTS_NAMEPLATE = {
    "manufacturer_name": "Foreign Works",
    "order_code_of_manufacturer": "FW-100",
    "firmware_version": "3.2.1",
    "manufacturer_product_designation": "Press control",
    "manufacturer_product_type": "FW-100/A",
}
_LONG_URL = "https://works.example/" + "long/" * 40  # 222 bytes: the objects behind it need a second page

# Firmware index, series, item number, firmware major and minor: protocols/profiles/wago-750.toml.
_WAGO = {0x2010: 7, 0x2011: 750, 0x2012: 881, 0x2013: 1, 0x2014: 9}
_WAGO_NAMEPLATE = {"manufacturer_name": "WAGO", "order_code_of_manufacturer": "750-881", "firmware_version": "1.9(07)"}

_BUILD = {
    "productName": "Foreign UA Server",
    "productUri": "urn:works.example:server",
    "manufacturerName": "Foreign Software",
    "softwareVersion": "9.8.7",
    "buildNumber": "4711",
}
_BUILD_NAMEPLATE = {
    "manufacturer_name": "Foreign Software",
    "manufacturer_product_designation": "Foreign UA Server",
}
_DEVICE = {
    "Manufacturer": "Foreign Works",
    "Model": "Mixer M7",
    "ProductCode": "M7-22",
    "HardwareRevision": "B2",
    "SoftwareRevision": "5.4.3",
    "SerialNumber": "SN-0815",
    "ProductInstanceUri": "https://works.example/m7/SN-0815",
}
_DEVICE_NAMEPLATE = {
    "manufacturer_name": "Foreign Works",
    "manufacturer_product_designation": "Mixer M7",
    "order_code_of_manufacturer": "M7-22",
    "hardware_version": "B2",
    "firmware_version": "5.4.3",
    "serial_number": "SN-0815",
    "uri_of_the_product": "https://works.example/m7/SN-0815",
}

PEERS = (
    Peer(
        name="modbus-serial-pages",
        package=Package.MODBUS_SERIAL,
        address=_TCP,
        settings={"objects": {**_OBJECTS, 3: _LONG_URL}},
        nameplate=_OBJECTS_NAMEPLATE,
    ),
    Peer(name="modbus-serial-bare", package=Package.MODBUS_SERIAL, address=_TCP, outcome=Outcome.ANONYMOUS),
    # It drops what is not for its unit, as a serial device does, where a TCP device would answer with an exception.
    Peer(
        name="modbus-serial-unit-2",
        package=Package.MODBUS_SERIAL,
        address="modbus-tcp://127.0.0.1:{port}?unit=2",
        settings={"objects": _OBJECTS},
        outcome=Outcome.SILENT,
    ),
    Peer(
        name="jsmodbus-objects",
        package=Package.JSMODBUS,
        address=_TCP,
        settings={"objects": _OBJECTS},
        nameplate=_OBJECTS_NAMEPLATE,
    ),
    # Its exception to function code 43 has three bytes, AB 0E 01: the MEI type stands before the exception code.
    Peer(name="jsmodbus-bare", package=Package.JSMODBUS, address=_TCP, outcome=Outcome.ANONYMOUS),
    Peer(
        name="jsmodbus-wago",
        package=Package.JSMODBUS,
        address=_TCP,
        settings={"registers": _WAGO},
        profile="wago-750",
        nameplate=_WAGO_NAMEPLATE,
    ),
    Peer(
        name="jsmodbus-rtu-tcp",
        package=Package.JSMODBUS,
        address="modbus-rtu-tcp://127.0.0.1:{port}?unit=7",
        settings={"rtu": True, "objects": _OBJECTS},
        nameplate=_OBJECTS_NAMEPLATE,
    ),
    Peer(
        name="jsmodbus-serial-line",
        package=Package.JSMODBUS,
        address="modbus-rtu://{line}?baud=19200&parity=N&unit=7",
        settings={"rtu": True, "objects": _OBJECTS},
        nameplate=_OBJECTS_NAMEPLATE,
    ),
    Peer(
        name="libmodbus-wago",
        package=Package.LIBMODBUS,
        address=_TCP,
        settings={"registers": _WAGO},
        profile="wago-750",
        nameplate=_WAGO_NAMEPLATE,
    ),
    # It answers what it does not know after half a second, and throws away what came in meanwhile.
    Peer(name="libmodbus-bare", package=Package.LIBMODBUS, address=_TCP, outcome=Outcome.ANONYMOUS),
    Peer(
        name="libmodbus-no-wago",
        package=Package.LIBMODBUS,
        address=_TCP,
        settings={"registers": {0x2011: 751}},
        profile="wago-750",
        outcome=Outcome.ANONYMOUS,
    ),
    # Without DI the only nameplate is the server software's own.
    Peer(
        name="node-opcua-bare",
        package=Package.NODE_OPCUA,
        address="opc.tcp://127.0.0.1:{port}/press",
        settings={"build": _BUILD},
        nameplate=_BUILD_NAMEPLATE,
    ),
    Peer(
        name="node-opcua-open",
        package=Package.NODE_OPCUA,
        address="opc.tcp://127.0.0.1:{port}/press",
        settings={"build": _BUILD, "device": _DEVICE},
        nameplate=_DEVICE_NAMEPLATE,
    ),
    Peer(
        name="node-opcua-secured",
        package=Package.NODE_OPCUA,
        address="opc.tcp://127.0.0.1:{port}/press",
        settings={"build": _BUILD, "device": _DEVICE, "mode": "SignAndEncrypt", "policy": "Basic256Sha256"},
        security=Security.SIGN_AND_ENCRYPT,
        nameplate=_DEVICE_NAMEPLATE,
    ),
    Peer(
        name="node-opcua-password",
        package=Package.NODE_OPCUA,
        address="opc.tcp://127.0.0.1:{port}/press",
        settings={"build": _BUILD, "device": _DEVICE, "mode": "Sign", "policy": "Aes128_Sha256_RsaOaep", "user": "password"},
        security=Security.SIGN,
        user="password",
        nameplate=_DEVICE_NAMEPLATE,
    ),
    Peer(
        name="node-opcua-certificate",
        package=Package.NODE_OPCUA,
        address="opc.tcp://127.0.0.1:{port}/press",
        settings={
            "build": _BUILD,
            "device": _DEVICE,
            "mode": "SignAndEncrypt",
            "policy": "Aes256_Sha256_RsaPss",
            "user": "certificate",
        },
        security=Security.SIGN_AND_ENCRYPT,
        user="certificate",
        nameplate=_DEVICE_NAMEPLATE,
    ),
    Peer(
        name="node-opcua-deprecated",
        package=Package.NODE_OPCUA,
        address="opc.tcp://127.0.0.1:{port}/press",
        settings={"build": _BUILD, "device": _DEVICE, "mode": "SignAndEncrypt", "policy": "Basic256"},
        security=Security.SIGN_AND_ENCRYPT,
        deprecated_policies=True,
        nameplate=_DEVICE_NAMEPLATE,
    ),
    # It lets in nobody without a password, and offers no connection over which one could be sent.
    Peer(
        name="node-opcua-closed",
        package=Package.NODE_OPCUA,
        address="opc.tcp://127.0.0.1:{port}/press",
        settings={"build": _BUILD, "mode": "None", "policy": "None", "user": "password"},
        outcome=Outcome.REFUSED,
    ),
    Peer(
        name="asyncua-open",
        package=Package.ASYNCUA,
        address="opc.tcp://127.0.0.1:{port}/",
        settings={"device": _DEVICE},
        nameplate=_DEVICE_NAMEPLATE,
    ),
    Peer(
        name="asyncua-signed",
        package=Package.ASYNCUA,
        address="opc.tcp://127.0.0.1:{port}/",
        settings={"device": _DEVICE, "mode": "sign", "policy": "Aes256_Sha256_RsaPss"},
        security=Security.SIGN,
        nameplate=_DEVICE_NAMEPLATE,
    ),
)
