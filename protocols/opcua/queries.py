"""Single questions inside a session: Browse, TranslateBrowsePaths, Read.

Decides how much goes into one request, and that whatever a server holds for us is given back. Never asks for more than a batch
at once, never follows pages without end, and never decides what is worth asking.

Source: OPC 10000-4 sections 5.9 (View services) and 5.11 (Attribute services), OPC 10000-5 section 6.3.11 (operation limits).
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaStatusCodeError

from protocols.opcua import decode
from protocols.opcua.session import Channel

HIERARCHICAL_REFERENCES = 33
BATCH = 20  # nodes in one request: small servers refuse more
MAX_REFERENCES = 64
MAX_PAGES = 5  # one Browse and four BrowseNext
TOO_MUCH = frozenset({StatusCodes.BadTooManyOperations, StatusCodes.BadEncodingLimitsExceeded})

Path = tuple[tuple[str, int], ...]
"""Browse names from a node on, each with the index of its namespace."""

_YES: Any = True  # asyncua has a type of its own for these, without values
_NO: Any = False

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(slots=True)
class Queries:
    """Asks one server, in portions that it takes.

    Attributes:
        channel: An activated session.
        remarks: What was odd, added to by every question.
        at_once: Most nodes in one request.
    """

    channel: Channel
    remarks: set[str]
    at_once: int = field(default=BATCH)

    def keep_to(self, limits: Iterable[int]) -> None:
        """Ask for as much at once as the server says that it takes, as far as that is sensible; 0 says nothing."""
        if named := [limit for limit in limits if limit > 0]:
            self.at_once = min(BATCH, *named)

    async def read(self, nodes: Sequence[ua.NodeId]) -> list[Any]:
        """The value of each node: a DataValue, or None where the server left it out."""
        return await self._portioned(nodes, self._read)

    async def resolve(self, paths: Sequence[tuple[ua.NodeId, Path]]) -> list[ua.NodeId | None]:
        """The node at the end of each path, or None; paths that a device does not have are normal."""
        results = await self._portioned(paths, self._translate)
        return [None if result is None else _target(result) for result in results]

    async def browse(self, node: ua.NodeId) -> list[ua.ReferenceDescription]:
        """The objects below a node, page by page; those that live in another server are left out.

        Raises:
            UaStatusCodeError: The server refuses the service, or this node.
        """
        await self.channel.pause()
        page = _only(await self.channel.client.browse(_browse_parameters(node)))
        found: list[ua.ReferenceDescription] = []
        for pages in range(1, MAX_PAGES + 1):
            page.StatusCode.check()
            found += decode.listed(page.References, MAX_REFERENCES - len(found))
            if not page.ContinuationPoint:
                break
            if pages == MAX_PAGES or len(found) >= MAX_REFERENCES:
                await self._next_page(page.ContinuationPoint, release=True)
                self.remarks.add("devices-cut")
                break
            page = _only(await self._next_page(page.ContinuationPoint, release=False))
        return self._here(found)

    def _here(self, found: Iterable[ua.ReferenceDescription]) -> list[ua.ReferenceDescription]:
        references = list(found)
        here = [reference for reference in references if plain(reference.NodeId) is not None]
        if len(here) < len(references):
            self.remarks.add("devices-on-another-server")
        return here

    async def _portioned(self, items: Sequence[Item], ask: Callable[[Sequence[Item]], Awaitable[list[Any]]]) -> list[Any]:
        """Ask portion by portion, in smaller ones once the server finds them too large; one result for each item."""
        results: list[Any] = []
        while len(results) < len(items):
            portion = items[len(results) : len(results) + self.at_once]
            try:
                answers = await ask(portion)
            except UaStatusCodeError as error:
                if int(error.code or 0) not in TOO_MUCH or self.at_once == 1:
                    raise
                self.at_once = max(1, self.at_once // 4)
                continue
            if len(answers) != len(portion):
                self.remarks.add("answer-miscounted")
            results += [*answers, *[None] * len(portion)][: len(portion)]
        return results

    async def _read(self, nodes: Sequence[ua.NodeId]) -> list[Any]:
        wanted = [ua.ReadValueId(NodeId=node, AttributeId=AttributeIds.Value) for node in nodes]
        parameters = ua.ReadParameters(TimestampsToReturn=ua.TimestampsToReturn.Neither, NodesToRead=wanted)
        await self.channel.pause()
        return decode.listed(await self.channel.client.read(parameters), len(wanted) + 1)

    async def _translate(self, paths: Sequence[tuple[ua.NodeId, Path]]) -> list[Any]:
        wanted = [_browse_path(start, path) for start, path in paths]
        await self.channel.pause()
        return decode.listed(await self.channel.client.translate_browsepaths_to_nodeids(wanted), len(wanted) + 1)

    async def _next_page(self, point: bytes, *, release: bool) -> list[ua.BrowseResult]:
        """Ask for more, or give back what the server still holds for us."""
        await self.channel.pause()
        parameters = ua.BrowseNextParameters(ReleaseContinuationPoints=release, ContinuationPoints=[point])
        return await self.channel.client.browse_next(parameters)


def node(number: int, namespace: int = 0) -> ua.NodeId:
    """A numeric node id."""
    return ua.NodeId.from_string(f"ns={namespace};i={number}")


def plain(expanded: ua.NodeId) -> ua.NodeId | None:
    """An expanded node id as requests want it; None if it lies in another server, or in a namespace that has no index here."""
    if getattr(expanded, "ServerIndex", 0) or getattr(expanded, "NamespaceUri", None):
        return None
    return ua.NodeId(expanded.Identifier, expanded.NamespaceIndex, expanded.NodeIdType)


def _target(result: ua.BrowsePathResult) -> ua.NodeId | None:
    target = next(iter(decode.listed(result.Targets, 1)), None)
    return None if target is None or not result.StatusCode.is_good() else plain(target.TargetId)


def _only(results: Sequence[ua.BrowseResult] | None) -> ua.BrowseResult:
    first, *_ = results or ()
    return first


def _browse_parameters(start: ua.NodeId) -> ua.BrowseParameters:
    description = ua.BrowseDescription(
        NodeId=start,
        BrowseDirection=ua.BrowseDirection.Forward,
        ReferenceTypeId=node(HIERARCHICAL_REFERENCES),
        IncludeSubtypes=True,
        NodeClassMask=ua.NodeClass.Object,
        ResultMask=ua.BrowseResultMask.BrowseName,
    )
    # Never 0 (no limit): some servers have no continuation points to give and refuse.
    return ua.BrowseParameters(RequestedMaxReferencesPerNode=MAX_REFERENCES, NodesToBrowse=[description])


def _browse_path(start: ua.NodeId, path: Path) -> ua.BrowsePath:
    elements = [
        ua.RelativePathElement(
            ReferenceTypeId=node(HIERARCHICAL_REFERENCES),
            IsInverse=_NO,
            IncludeSubtypes=_YES,
            TargetName=ua.QualifiedName(name, namespace),
        )
        for name, namespace in path
    ]
    return ua.BrowsePath(StartingNode=start, RelativePath=ua.RelativePath(Elements=elements))
