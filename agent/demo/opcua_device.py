"""A simulated OPC UA device: a real server with a nameplate that can change.

Decides nothing about the plant; it is told what it is by a specification. Never answers for a device of anyone else: it
listens on loopback unless told otherwise, and counts every request that it receives, so that a test can prove what was asked.

    python -I -m agent.demo.opcua_device '{"port": 4840, "name": "Mixer 2"}'

It prints one JSON line when it is ready and one with the counted requests when it ends. In between, each JSON line on stdin
changes one value: `{"device": "PLC_1", "property": "SoftwareRevision", "value": "V2.1"}`.
"""

import asyncio
import gc
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
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server import binary_server_asyncio
from asyncua.server.internal_server import InternalServer
from asyncua.server.server import Server
from asyncua.server.uaprocessor import UaProcessor
from asyncua.server.user_managers import UserManager
from asyncua.ua.object_ids import ObjectIdNames, ObjectIds
from asyncua.ua.ua_binary import nodeid_from_binary
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from protocols.contract import Security
from protocols.opcua.certificates import make_certificate, thumbprint, to_der
from protocols.opcua.discover import (
    DEVICE_SET,
    DI_NAMESPACE,
    IDENTIFICATION,
    MACHINERY_NAMESPACE,
    MACHINES,
    SIEMENS_NAMESPACE,
)
from protocols.opcua.identity import ORDER_NUMBER, YEAR

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
        added_in: Names of devices that keep their DI properties in an `Identification` add-in.
        machines: Machines of OPC UA for Machinery: name to property to value; they need a device or a machine to have DI.
        order_numbers: Device to its order number, as Siemens' servers tell it.
        namespaces: Namespaces that come before those of DI and Machinery.
        servers: Entries of the ServerArray beyond its own: not empty means that it speaks for others.
        security: The only mode it offers.
        policies: The policies that it offers in this mode, by short name.
        users: User name to password. Not empty: nobody gets in without one.
        user_thumbprints: The same for users with a certificate: its SHA-256.
        pki_dir: Where its certificate is made; needed unless security is "none".
    """

    host: str = "127.0.0.1"
    port: int = 0
    name: str = "Simulated device"
    uri: str = "urn:example:device"
    build: Build = Build()
    devices: dict[str, dict[str, str]] = {}
    added_in: tuple[str, ...] = ()
    machines: dict[str, dict[str, str]] = {}
    order_numbers: dict[str, str] = {}
    namespaces: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    security: Security = Security.NONE
    policies: tuple[str, ...] = ("Basic256Sha256",)
    users: dict[str, str] = {}
    user_thumbprints: tuple[str, ...] = ()
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
        for uri in wanted.namespaces:
            await self.server.register_namespace(uri)
        if wanted.devices or wanted.machines:
            await self._fill_device_set()
        if wanted.machines:
            await self._fill_machines()
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
        if wanted.users or wanted.user_thumbprints:
            ways: list[type] = [ua.UserNameIdentityToken] * bool(wanted.users) + [ua.X509IdentityToken] * bool(
                wanted.user_thumbprints
            )
            self.server.set_identity_tokens(ways)
            self._counts.user_manager = _Doorkeeper(wanted)
        if wanted.security is Security.NONE:
            self.server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
            return
        key_file, certificate_file = self._make_certificate(Path(wanted.pki_dir))
        await self.server.load_private_key(key_file)
        await self.server.load_certificate(certificate_file)
        mode = "SignAndEncrypt" if wanted.security is Security.SIGN_AND_ENCRYPT else "Sign"
        self.server.set_security_policy([_policy_type(policy, mode) for policy in wanted.policies])

    def _make_certificate(self, folder: Path) -> tuple[Path, Path]:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        now = datetime.now(UTC)
        wanted = self._specification
        certificate = make_certificate(key, wanted.uri, wanted.name, now, timedelta(days=365), hosts=(wanted.host,), server=True)
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
        wanted = self._specification
        for device, values in wanted.devices.items():
            node = await device_set.add_object(namespace, device)
            if device in wanted.order_numbers:
                siemens = await self.server.register_namespace(SIEMENS_NAMESPACE)
                await node.add_property(siemens, ORDER_NUMBER, wanted.order_numbers[device])
            if device in wanted.added_in:
                node = await node.add_object(namespace, IDENTIFICATION)
            for name, value in values.items():
                self._values[device, name] = await node.add_property(namespace, name, _variant(name, value))

    async def _fill_machines(self) -> None:
        """Machines with their identification, as OPC UA for Machinery has it."""
        di = await self.server.get_namespace_index(DI_NAMESPACE)
        namespace = await self.server.register_namespace(MACHINERY_NAMESPACE)
        node_id = ua.NodeId.from_string(f"ns={namespace};i={MACHINES}")
        machines = await self.server.nodes.objects.add_object(node_id, f"{namespace}:Machines")
        for machine, values in self._specification.machines.items():
            node = await (await machines.add_object(namespace, machine)).add_object(di, IDENTIFICATION)
            for name, value in values.items():
                owner = namespace if name == YEAR else di
                self._values[machine, name] = await node.add_property(owner, name, _variant(name, value))


class _CountedServer(InternalServer):
    """The inner server of asyncua, with room for counts."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: Counter[str] = Counter()
        self.connections = 0

    async def load_standard_address_space(self, shelf_file: Path | None = None) -> None:
        """Make the six thousand nodes of the standard without the garbage collector, which would take four tenths of the time."""
        gc.disable()
        try:
            await super().load_standard_address_space(shelf_file)
        finally:
            gc.enable()


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


class _Doorkeeper(UserManager):
    """Lets in who knows a password or has a certificate."""

    def __init__(self, wanted: Specification) -> None:
        self._users = wanted.users
        self._thumbprints = wanted.user_thumbprints

    def get_user(self, _server: Any, username: Any = None, password: Any = None, certificate: Any = None) -> User | None:
        """The user, or None for everyone else."""
        if username is None:
            known = certificate is not None and thumbprint(certificate) in self._thumbprints
        else:
            known = username in self._users and self._users[username] == password
        return User(role=UserRole.User) if known else None


def _policy_type(policy: str, mode: str) -> ua.SecurityPolicyType:
    """`Aes128_Sha256_RsaOaep` in mode `Sign` is `Aes128Sha256RsaOaep_Sign`."""
    return ua.SecurityPolicyType[f"{policy.replace('_', '')}_{mode}"]


def _variant(name: str, value: str) -> ua.Variant:
    if name == YEAR:
        return ua.Variant(int(value), ua.VariantType.UInt16)
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
