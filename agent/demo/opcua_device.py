"""A simulated OPC UA device: a real server with a nameplate that can change.

Decides nothing about the plant; it is told what it is by a specification. Never answers for a device of anyone else: it
listens on loopback unless told otherwise, and counts every request that it receives, so that a test can prove what was asked.

    python -I -m agent.demo.opcua_device '{"port": 4840, "name": "Mixer 2"}'

It prints one JSON line when it is ready and one with the counted requests when it ends. In between, each JSON line on stdin
changes one value: `{"device": "PLC_1", "property": "SoftwareRevision", "value": "V2.1"}`.
"""

import asyncio
import logging
import signal
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from asyncua import ua
from asyncua.common.node import Node
from asyncua.server import binary_server_asyncio
from asyncua.server.internal_server import InternalServer
from asyncua.server.server import Server
from asyncua.server.uaprocessor import UaProcessor
from asyncua.ua.object_ids import ObjectIdNames, ObjectIds
from asyncua.ua.ua_binary import nodeid_from_binary
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from protocols.contract import Security
from protocols.opcua.discover import DEVICE_SET, DI_NAMESPACE
from protocols.opcua.trust import make_certificate, to_der

LOCALISED = frozenset({"Manufacturer", "Model"})
OPENING = {ua.MessageType.SecureOpen: "OpenSecureChannel", ua.MessageType.SecureClose: "CloseSecureChannel"}


class Build(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the server says of its own software."""

    product_name: str = "Simulated server"
    product_uri: str = "urn:example:server"
    manufacturer_name: str = "Example Works"
    software_version: str = "1.0.0"
    build_number: str = "1"


class Specification(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a simulated device is.

    Attributes:
        host: Address to listen on.
        port: TCP port; 0 takes a free one.
        name: Application name.
        uri: Application URI.
        build: Its BuildInfo.
        devices: DI devices: name to DI property to value. Empty: no DI at all.
        servers: Entries of the ServerArray beyond its own: not empty means that it speaks for others.
        security: The only mode it offers.
        pki_dir: Where its certificate is made; needed unless security is "none".
    """

    host: str = "127.0.0.1"
    port: int = 0
    name: str = "Simulated device"
    uri: str = "urn:example:device"
    build: Build = Build()
    devices: dict[str, dict[str, str]] = {}
    servers: tuple[str, ...] = ()
    security: Security = Security.NONE
    pki_dir: str = ""


class Change(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One new value of one property of one device."""

    device: str
    property: str
    value: str


class OpcUaDevice:
    """A server that runs between `start` and `stop`.

    Attributes:
        certificate: Its certificate, DER; empty without security.
        port: Where it listens, once started.
        server: asyncua's server.
    """

    def __init__(self, specification: Specification) -> None:
        self.certificate = b""
        self.port = specification.port
        self._counts = _CountedServer()
        self.server = Server(self._counts)
        self._specification = specification
        self._values: dict[tuple[str, str], Node] = {}

    @property
    def requests(self) -> Counter[str]:
        """What was received, by service."""
        return self._counts.requests

    @property
    def connections(self) -> int:
        """How many connections were accepted."""
        return self._counts.connections

    async def start(self) -> None:
        """Build the address space and listen."""
        wanted = self._specification
        await self.server.init()
        self.server.disable_clock()
        self.server.set_endpoint(f"opc.tcp://{wanted.host}:{wanted.port}/")
        self.server.set_server_name(wanted.name)
        self.server.product_uri = wanted.build.product_uri
        await self.server.set_application_uri(wanted.uri)
        await self._describe()
        await self._secure()
        if wanted.devices:
            await self._fill_device_set()
        await self.server.start()
        self.port = self.server.bserver.port if self.server.bserver else 0

    async def stop(self) -> None:
        """Close every connection and the port."""
        await self.server.stop()

    async def change(self, device: str, name: str, value: str) -> None:
        """Give a property of a device another value, as a firmware update would."""
        await self._values[device, name].write_value(_variant(name, value))

    async def _describe(self) -> None:
        build = self._specification.build
        await self.server.set_build_info(
            build.product_uri, build.manufacturer_name, build.product_name, build.software_version, build.build_number,
            datetime(2026, 1, 1, tzinfo=UTC),
        )  # fmt: skip
        if self._specification.servers:
            array = self.server.get_node(ObjectIds.Server_ServerArray)
            await array.write_value([self._specification.uri, *self._specification.servers])

    async def _secure(self) -> None:
        """Offer one mode only, with a certificate of its own."""
        wanted = self._specification
        if wanted.security is Security.NONE:
            self.server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
            return
        key_file, certificate_file = self._make_certificate(Path(wanted.pki_dir))
        await self.server.load_private_key(key_file)
        await self.server.load_certificate(certificate_file)
        encrypt = wanted.security is Security.SIGN_AND_ENCRYPT
        policies = ua.SecurityPolicyType
        mode = policies.Basic256Sha256_SignAndEncrypt if encrypt else policies.Basic256Sha256_Sign
        self.server.set_security_policy([mode])

    def _make_certificate(self, folder: Path) -> tuple[Path, Path]:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        now = datetime.now(UTC)
        certificate = make_certificate(key, self._specification.uri, self._specification.name, now, timedelta(days=365))
        self.certificate = to_der(certificate)
        key_file, certificate_file = folder / "server.pem", folder / "server.der"
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        key_file.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
        certificate_file.write_bytes(self.certificate)
        return key_file, certificate_file

    async def _fill_device_set(self) -> None:
        """The part of OPC UA for Devices that a nameplate needs, built by hand: its full model would cost seconds."""
        namespace = await self.server.register_namespace(DI_NAMESPACE)
        node_id = ua.NodeId.from_string(f"ns={namespace};i={DEVICE_SET}")
        device_set = await self.server.nodes.objects.add_object(node_id, f"{namespace}:DeviceSet")
        for device, values in self._specification.devices.items():
            node = await device_set.add_object(namespace, device)
            for name, value in values.items():
                self._values[device, name] = await node.add_property(namespace, name, _variant(name, value))


class _CountedServer(InternalServer):
    """The inner server of asyncua, with room for counts."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: Counter[str] = Counter()
        self.connections = 0


class _CountingProcessor(UaProcessor):
    """The handler of one connection, counting what arrives before anything is done with it."""

    def __init__(self, internal_server: _CountedServer, *others: Any) -> None:
        super().__init__(internal_server, *others)
        internal_server.connections += 1
        self._requests = internal_server.requests

    async def process(self, header: Any, body: Any) -> Any:
        """Count opening and closing, which have a message type of their own."""
        if header.MessageType in OPENING:
            self._requests[OPENING[header.MessageType]] += 1
        handle: Any = super().process  # asyncua's has no types
        return await handle(header, body)

    async def process_message(self, seqhdr: Any, body: Any) -> Any:
        """Count everything else, decrypted."""
        self._requests[_service(nodeid_from_binary(body.copy()).Identifier)] += 1
        handle: Any = super().process_message
        return await handle(seqhdr, body)


# asyncua has no hook for what a server receives, and makes the handler by this name. Only simulated devices load this module.
binary_server_asyncio.UaProcessor = _CountingProcessor  # type: ignore[attr-defined,assignment]  # imported there, not exported


def _service(number: Any) -> str:
    """`ReadRequest_Encoding_DefaultBinary` is `Read`; the guard's shorter name where there is one."""
    name = str(ObjectIdNames.get(number, f"i={number}")).removesuffix("Request_Encoding_DefaultBinary")
    return "TranslateBrowsePaths" if name == "TranslateBrowsePathsToNodeIds" else name


def _variant(name: str, value: str) -> ua.Variant:
    if name in LOCALISED:
        return ua.Variant(ua.LocalizedText(value), ua.VariantType.LocalizedText)
    return ua.Variant(value, ua.VariantType.String)


async def run(specification: Specification) -> None:
    """Serve until SIGTERM, taking changes from stdin."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    device = OpcUaDevice(specification)
    await device.start()
    _say({"ready": True, "port": device.port})
    changes = asyncio.create_task(_take_changes(device))
    await stopped.wait()
    changes.cancel()
    await device.stop()
    _say({"requests": dict(sorted(device.requests.items())), "connections": device.connections})


async def _take_changes(device: OpcUaDevice) -> None:
    """One change a line, until stdin ends; a line that is none is said and passed over."""
    lines = asyncio.StreamReader()
    try:
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    except ValueError:
        return  # stdin is no pipe, so nobody will send a change
    while line := await lines.readline():
        try:
            change = msgspec.json.decode(line, type=Change)
            await device.change(change.device, change.property, change.value)
        except (msgspec.DecodeError, KeyError) as error:
            _say({"refused": str(error)})
        else:
            _say({"changed": change.property})


def _say(content: dict[str, Any]) -> None:
    print(msgspec.json.encode(content).decode(), flush=True)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)  # asyncua tells every connection at length
    asyncio.run(run(msgspec.json.decode(sys.argv[1] if len(sys.argv) > 1 else "{}", type=Specification)))
