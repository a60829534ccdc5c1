"""What is read inside a session: the server itself in one request, then the devices and machines that it shows.

Decides which nodes are asked for and when enough is enough. Never reads what is no field of a nameplate, never goes deeper than
a device and its `Identification`, never loads a server's own data types, and names nodes by browse name and namespace URI: an
index is only what one server gave a namespace today.

    Server        BuildInfo, namespaces, profiles, limits     one Read
    DeviceSet     OPC UA for Devices                          one Browse, then two requests for each group of devices
    Machines      OPC UA for Machinery                        the same

Source: OPC 10000-5 section 6.3 (Server object), OPC 10000-100 sections 4.5 and 5.9 (DI nameplate, DeviceSet), OPC 40001-1
section 8 (machine identification).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from asyncua import ua
from asyncua.ua.uaerrors import UaStatusCodeError

from protocols.contract import Capabilities
from protocols.opcua import decode
from protocols.opcua.faults import status_name
from protocols.opcua.guard import BudgetSpentError
from protocols.opcua.identity import DI_FIELDS, ORDER_NUMBER, SERIAL_NUMBER, YEAR, Device, Origin, Value
from protocols.opcua.queries import Path, Queries, node, plain
from protocols.opcua.session import Channel

DI_NAMESPACE = "http://opcfoundation.org/UA/DI/"
MACHINERY_NAMESPACE = "http://opcfoundation.org/UA/Machinery/"
SIEMENS_NAMESPACE = "http://www.siemens.com/simatic-s7-opcua"

DEVICE_SET = 5001
MACHINES = 1001
IDENTIFICATION = "Identification"
DEVICE_FEATURES = "DeviceFeatures"  # lies in the DeviceSet and is no device

SERVER_ARRAY, NAMESPACE_ARRAY, SERVER_STATE, SERVER_PROFILES = 2254, 2255, 2259, 2269
BUILD_INFO = (2261, 2262, 2263, 2264, 2265)  # the date of the build is no field of a nameplate
LIMITS = {11705: "MaxNodesPerRead", 11710: "MaxNodesPerBrowse", 11712: "MaxNodesPerTranslateBrowsePathsToNodeIds"}
SERVER_NODES = (*BUILD_INFO, NAMESPACE_ARRAY, SERVER_ARRAY, SERVER_STATE, SERVER_PROFILES, *LIMITS)
PORTIONED = (11705, 11712)  # limits of the two services that take more than one node from us
RUNNING = 0
UINT32 = range(1, 2**32)  # of a limit; 0 says that there is none

MAX_DEVICES = 64
MAX_SHOWN = 64  # namespaces, profiles

Item = TypeVar("Item")


@dataclass(slots=True)
class Discovery:
    """What a session has brought up to now.

    Attributes:
        build: BuildInfo by numeric id.
        devices: Devices and machines that have at least one property of a nameplate.
        servers: Length of the ServerArray; more than one means that this server speaks for others.
        capabilities: What the server says it is built to do; None until it was read.
        remarks: What was odd.
    """

    build: dict[int, Value] = field(default_factory=dict)
    devices: list[Device] = field(default_factory=list)
    servers: int = 1
    capabilities: Capabilities | None = None
    remarks: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where devices are found.

    Attributes:
        name: For keys: the place's own browse name.
        folder: The node below which they lie.
        ways: What is asked of each, best first; the next way only where the ones before brought no serial number.
    """

    name: str
    origin: Origin
    folder: ua.NodeId
    ways: tuple[tuple[Path, ...], ...]


async def discover(channel: Channel, found: Discovery) -> None:
    """Read what there is to read, into `found`, so that what came before a failure is not lost."""
    queries = Queries(channel, found.remarks)
    namespaces = await _read_server(queries, found)
    seen: set[str] = set()
    try:
        for place in _places(namespaces):
            await _read_place(queries, place, seen, found)
    except BudgetSpentError:
        found.remarks.add("budget-spent")


async def _read_server(queries: Queries, found: Discovery) -> tuple[str, ...]:
    """Everything about the server itself; returns its namespaces."""
    values = await queries.read([node(number) for number in SERVER_NODES])
    answers = dict(zip(SERVER_NODES, values, strict=True))
    for number in BUILD_INFO:
        if value := decode.value_of(answers[number], f"i={number}"):
            found.build[number] = value
    found.servers = len(decode.strings_of(answers[SERVER_ARRAY]))
    state = decode.number_of(answers[SERVER_STATE])
    if state not in (None, RUNNING):
        found.remarks.add(f"server-state-{state}")
    namespaces = decode.strings_of(answers[NAMESPACE_ARRAY])
    limits = {number: limit for number in LIMITS if (limit := decode.number_of(answers[number]) or 0) in UINT32}
    queries.keep_to(limits[number] for number in PORTIONED if number in limits)
    found.capabilities = Capabilities(
        namespaces=decode.cleaned(namespaces, MAX_SHOWN),
        profiles=decode.cleaned(decode.strings_of(answers[SERVER_PROFILES]), MAX_SHOWN),
        limits={LIMITS[number]: limit for number, limit in limits.items()},
    )
    return namespaces


def _places(namespaces: Sequence[str]) -> Iterator[_Place]:
    """The places that this server can have, by the namespaces that it has."""
    index = {uri: number for number, uri in reversed(list(enumerate(namespaces)))}
    di = index.get(DI_NAMESPACE)
    if di is None:
        return
    plate = tuple((name, di) for name in DI_FIELDS)
    own: tuple[Path, ...] = tuple((step,) for step in plate)
    added_in: tuple[Path, ...] = tuple(((IDENTIFICATION, di), step) for step in plate)
    vendor: tuple[Path, ...] = (((ORDER_NUMBER, index[SIEMENS_NAMESPACE]),),) if SIEMENS_NAMESPACE in index else ()
    yield _Place(name="DeviceSet", origin=Origin.DEVICE, folder=node(DEVICE_SET, di), ways=(own + vendor, added_in))
    if MACHINERY_NAMESPACE in index:
        machinery = index[MACHINERY_NAMESPACE]
        built: tuple[Path, ...] = (((IDENTIFICATION, di), (YEAR, machinery)),)
        yield _Place(name="Machines", origin=Origin.MACHINE, folder=node(MACHINES, machinery), ways=(added_in + built,))


async def _read_place(queries: Queries, place: _Place, seen: set[str], found: Discovery) -> None:
    """Read the devices of one place in groups that fit one request, so that each one is whole when the budget ends."""
    try:
        references = [reference for reference in await queries.browse(place.folder) if _is_new_device(reference, seen)]
        for group in _batches(references[: MAX_DEVICES - len(found.devices)], _group_size(queries, place)):
            for reference, values in zip(group, await _values(queries, place, group), strict=True):
                if values:
                    key = _key(place.name, reference, found.devices)
                    found.devices.append(Device(key=key, origin=place.origin, values=values))
    except UaStatusCodeError as error:
        # The server refused the service, not the connection: it has the namespace and does not show its devices to us.
        found.remarks.add(f"{place.name.lower()}-refused: {status_name(int(error.code or 0))}")


async def _values(queries: Queries, place: _Place, group: Sequence[ua.ReferenceDescription]) -> list[dict[str, Value]]:
    """The nameplate properties of a few devices: two requests, and two more for those that keep them in an add-in."""
    properties: list[dict[str, Value]] = [{} for _ in group]
    for way in place.ways:
        open_ones = [number for number, values in enumerate(properties) if SERIAL_NUMBER not in values]
        starts = [start for number in open_ones if (start := plain(group[number].NodeId)) is not None]
        for number, values in zip(open_ones, await _ask(queries, starts, way), strict=True):
            properties[number] = {**values, **properties[number]}
    return properties


async def _ask(queries: Queries, starts: Sequence[ua.NodeId], way: Sequence[Path]) -> list[dict[str, Value]]:
    """Resolve and read the same paths for each of these nodes."""
    targets = await queries.resolve([(start, path) for start in starts for path in way])
    known = [target for target in targets if target is not None]
    values = iter(await queries.read(known))
    properties: list[dict[str, Value]] = [{} for _ in starts]
    for position, target in enumerate(targets):
        name = way[position % len(way)][-1][0]
        if target is not None and (value := _value(name, next(values), decode.text(target.to_string()))):
            properties[position // len(way)][name] = value
    return properties


def _value(name: str, data: object, source: str) -> Value | None:
    return decode.year_of(data, source) if name == YEAR else decode.value_of(data, source)


def _is_new_device(reference: ua.ReferenceDescription, seen: set[str]) -> bool:
    """Whether this is a device that no earlier place has shown."""
    identifier = reference.NodeId.to_string()
    if identifier in seen or decode.text(reference.BrowseName.Name) == DEVICE_FEATURES:
        return False
    seen.add(identifier)
    return True


def _key(place: str, reference: ua.ReferenceDescription, others: Sequence[Device]) -> str:
    """The browse path of a device; servers may give one name twice, then the node id tells them apart."""
    key = f"{place}/{decode.text(reference.BrowseName.Name)}"
    taken = any(device.key == key for device in others)
    return f"{key} ({decode.text(reference.NodeId.to_string())})" if taken else key


def _group_size(queries: Queries, place: _Place) -> int:
    """How many devices fit one request by their first way."""
    return max(1, queries.at_once // len(place.ways[0]))


def _batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))
