"""What is read inside a session: BuildInfo in one request, then the DI DeviceSet if the server has one.

Decides which nodes are asked for and when enough is enough. Never reads what is no field of a nameplate, never follows more
than one level, never loads a server's own data types.

Source: OPC 10000-5 section 6.3 (Server object), OPC 10000-100 section 5.9 (DeviceSet), OPC 10000-4 sections 5.9 and 5.11.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.uaerrors import UaStatusCodeError

from protocols.opcua import decode
from protocols.opcua.faults import status_name
from protocols.opcua.guard import BudgetSpentError
from protocols.opcua.identity import DI_FIELDS, Device, Value
from protocols.opcua.session import Channel

DI_NAMESPACE = "http://opcfoundation.org/UA/DI/"
DEVICE_SET = 5001
DEVICE_FEATURES = "DeviceFeatures"  # lies in the DeviceSet and is no device
HIERARCHICAL_REFERENCES = 33

SERVER_ARRAY, NAMESPACE_ARRAY, SERVER_STATE = 2254, 2255, 2259
BUILD_INFO = (2261, 2262, 2263, 2264, 2265)  # the date of the build is no field of a nameplate
SERVER_NODES = (*BUILD_INFO, NAMESPACE_ARRAY, SERVER_ARRAY, SERVER_STATE)
RUNNING = 0

MAX_DEVICES = 64
MAX_PAGES = 5  # one Browse and four BrowseNext
BATCH = 20  # nodes in one request: small servers refuse more

_YES: Any = True  # asyncua has a type of its own for these, without values
_NO: Any = False

Item = TypeVar("Item")


@dataclass(slots=True)
class Discovery:
    """What a session has brought up to now.

    Attributes:
        build: BuildInfo by numeric id.
        devices: Objects of the DeviceSet that have at least one property of a nameplate.
        servers: Length of the ServerArray; more than one means that this server speaks for others.
        remarks: What was odd.
    """

    build: dict[int, Value] = field(default_factory=dict)
    devices: list[Device] = field(default_factory=list)
    servers: int = 1
    remarks: set[str] = field(default_factory=set)


async def discover(channel: Channel, found: Discovery) -> None:
    """Read what there is to read, into `found`, so that what came before a failure is not lost."""
    namespaces = await _read_server(channel, found)
    if DI_NAMESPACE not in namespaces:
        return
    try:
        await _read_devices(channel, namespaces.index(DI_NAMESPACE), found)
    except BudgetSpentError:
        found.remarks.add("budget-spent")
    except UaStatusCodeError as error:
        # The server refused the service, not the connection: it has a DI namespace and does not show its devices to us.
        found.remarks.add(f"device-set-refused: {status_name(int(error.code or 0))}")


async def _read_server(channel: Channel, found: Discovery) -> tuple[str, ...]:
    """One request for everything about the server itself; returns its namespaces."""
    values = await _read(channel, [_node(number) for number in SERVER_NODES])
    answers = dict(zip(SERVER_NODES, values, strict=False))
    if len(values) != len(SERVER_NODES):
        found.remarks.add("read-miscounted")
    for number in BUILD_INFO:
        if value := decode.value_of(answers.get(number), f"i={number}"):
            found.build[number] = value
    found.servers = len(decode.strings_of(answers.get(SERVER_ARRAY)))
    state = decode.number_of(answers.get(SERVER_STATE))
    if state not in (None, RUNNING):
        found.remarks.add(f"server-state-{state}")
    return decode.strings_of(answers.get(NAMESPACE_ARRAY))


async def _read_devices(channel: Channel, namespace: int, found: Discovery) -> None:
    """Resolve and read the devices in groups that fit one request, so that each one is whole when the budget ends."""
    objects = await _browse(channel, _node(DEVICE_SET, namespace), found)
    group_size = max(1, BATCH // len(DI_FIELDS))
    for group in _batches(objects, group_size):
        for reference, values in zip(group, await _properties(channel, group, namespace), strict=True):
            if values:
                found.devices.append(Device(key=_key(reference, found.devices), values=values))


async def _browse(channel: Channel, node: ua.NodeId, found: Discovery) -> list[ua.ReferenceDescription]:
    """The objects below a node, page by page."""
    await channel.pause()
    page = _only(await channel.client.browse(_browse_parameters(node)))
    objects: list[ua.ReferenceDescription] = []
    for pages in range(1, MAX_PAGES + 1):
        page.StatusCode.check()
        objects += decode.listed(page.References, MAX_DEVICES - len(objects))
        if not page.ContinuationPoint:
            break
        if pages == MAX_PAGES or len(objects) >= MAX_DEVICES:
            await _next_page(channel, page.ContinuationPoint, release=True)
            found.remarks.add("devices-cut")
            break
        page = _only(await _next_page(channel, page.ContinuationPoint, release=False))
    return [reference for reference in objects if decode.text(reference.BrowseName.Name) != DEVICE_FEATURES]


async def _next_page(channel: Channel, point: bytes, *, release: bool) -> list[ua.BrowseResult]:
    """Ask for more, or give back what the server still holds for us."""
    await channel.pause()
    parameters = ua.BrowseNextParameters(ReleaseContinuationPoints=release, ContinuationPoints=[point])
    return await channel.client.browse_next(parameters)


async def _properties(channel: Channel, group: Sequence[ua.ReferenceDescription], namespace: int) -> list[dict[str, Value]]:
    """The DI nameplate properties of a few devices: two requests."""
    paths = [_path(reference.NodeId, name, namespace) for reference in group for name in DI_FIELDS]
    await channel.pause()
    results = await channel.client.translate_browsepaths_to_nodeids(paths)
    targets = [_target(result) for result in decode.listed(results, len(paths))]
    known = [target for target in targets if target is not None]
    values = iter(await _read(channel, known)) if known else iter(())
    names = list(DI_FIELDS) * len(group)
    properties: list[dict[str, Value]] = [{} for _ in group]
    for position, (name, target) in enumerate(zip(names, targets, strict=False)):
        if target is not None and (value := decode.value_of(next(values, None), decode.text(target.to_string()))):
            properties[position // len(DI_FIELDS)][name] = value
    return properties


async def _read(channel: Channel, nodes: Sequence[ua.NodeId]) -> list[ua.DataValue]:
    """One Read of the values of these nodes."""
    wanted = [ua.ReadValueId(NodeId=node, AttributeId=AttributeIds.Value) for node in nodes]
    await channel.pause()
    values = await channel.client.read(ua.ReadParameters(TimestampsToReturn=ua.TimestampsToReturn.Neither, NodesToRead=wanted))
    return decode.listed(values, len(wanted))


def _browse_parameters(node: ua.NodeId) -> ua.BrowseParameters:
    description = ua.BrowseDescription(
        NodeId=node,
        BrowseDirection=ua.BrowseDirection.Forward,
        ReferenceTypeId=_node(HIERARCHICAL_REFERENCES),
        IncludeSubtypes=True,
        NodeClassMask=ua.NodeClass.Object,
        ResultMask=ua.BrowseResultMask.BrowseName,
    )
    # Never 0 (no limit): some servers have no continuation points to give and refuse.
    return ua.BrowseParameters(RequestedMaxReferencesPerNode=MAX_DEVICES, NodesToBrowse=[description])


def _path(start: ua.NodeId, name: str, namespace: int) -> ua.BrowsePath:
    """From a device to one of its DI properties or components."""
    element = ua.RelativePathElement(
        ReferenceTypeId=_node(HIERARCHICAL_REFERENCES),
        IsInverse=_NO,
        IncludeSubtypes=_YES,
        TargetName=ua.QualifiedName(name, namespace),
    )
    return ua.BrowsePath(StartingNode=start, RelativePath=ua.RelativePath(Elements=[element]))


def _target(result: ua.BrowsePathResult) -> ua.NodeId | None:
    """The node that a path ends at; paths that this device does not have are normal."""
    target = next(iter(decode.listed(result.Targets, 1)), None)
    return None if target is None or not result.StatusCode.is_good() else _plain(target.TargetId)


def _plain(node: ua.NodeId) -> ua.NodeId:
    """An expanded node id without server and namespace URI, as requests want it."""
    return ua.NodeId(node.Identifier, node.NamespaceIndex, node.NodeIdType)


def _node(number: int, namespace: int = 0) -> ua.NodeId:
    return ua.NodeId.from_string(f"ns={namespace};i={number}")


def _only(results: Sequence[ua.BrowseResult] | None) -> ua.BrowseResult:
    first, *_ = results or ()
    return first


def _key(reference: ua.ReferenceDescription, others: Sequence[Device]) -> str:
    """The browse path of a device; servers may give one name twice, then the node id tells them apart."""
    key = f"DeviceSet/{decode.text(reference.BrowseName.Name)}"
    taken = any(device.key == key for device in others)
    return f"{key} ({decode.text(_plain(reference.NodeId).to_string())})" if taken else key


def _batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))
