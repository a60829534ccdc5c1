"""The plant's assets as items of an inventory: what the plant file says of each, and what the journal knows of it.

Decides which assets are listed: every one of the plant file, seen or not, and those that only the journal still knows. Pure.
"""

from collections.abc import Mapping, Sequence

import msgspec

from agent.core.asset import AssetState
from agent.core.change import Change
from agent.operator.books import Books
from config.model import Asset, Plant
from evidence import topics
from inventory.item import Item

REMOVED = "not in the plant file"
"""Outcome of an asset that was taken out of the plant file; what it said last stays on record."""

UNREADABLE = "unreadable"

MAX_NAME_CHARS = 128
"""Of an id in a report; a subject of the journal may be longer."""


def items(plant: Plant, books: Books) -> list[Item]:
    """Return every asset, in the order of the plant file, then those that are no longer in it."""
    iss = topics.issuer(plant.plant.id, plant.gateway.id)
    listed = [_item(iss, asset, books.states.get(asset.id), books.changes.get(asset.id, ())) for asset in plant.asset]
    known = {asset.id for asset in plant.asset}
    removed = [
        _removed(iss, name, state, books.changes.get(name, ())) for name, state in books.states.items() if name not in known
    ]
    return [*listed, *removed]


def _item(iss: str, asset: Asset, state: AssetState | None, changes: Sequence[Change]) -> Item:
    """One asset. What the plant file says now counts, also where the last look was told otherwise."""
    said = {
        "asset_id": asset.id,
        "address": str(asset.address),
        "role": asset.role,
        "criticality": asset.criticality,
        "location": asset.location,
        "register_id": asset.register_id,
    }
    return _believed(iss, _looked(state, changes), said)


def _removed(iss: str, name: str, state: AssetState, changes: Sequence[Change]) -> Item:
    """One asset that the plant file does not know: all that is said of it comes from the journal, but that it is not there."""
    look = state.observation
    said = {"asset_id": name[:MAX_NAME_CHARS], "address": look.address, "outcome": REMOVED}
    return _believed(iss, _looked(state, changes) | msgspec.to_builtins(look.register), said)


def _believed(iss: str, looked: Mapping[str, object], said: Mapping[str, object]) -> Item:
    """Hold what the journal says against the bounds of a report; what breaks them is not shown, but confessed."""
    try:
        return msgspec.convert({"iss": iss, **looked, **said}, Item)
    except msgspec.ValidationError as error:
        return msgspec.convert(
            {"iss": iss, **said, "outcome": UNREADABLE, "detail": f"The journal says nonsense of it: {error}"}, Item
        )


def _looked(state: AssetState | None, changes: Sequence[Change]) -> dict[str, object]:
    """What looks brought: the newest, and the last nameplate that any of them brought."""
    if state is None:
        return {}
    look = state.observation
    return {
        **msgspec.to_builtins(look),
        "clock": look.moment.clock.value,
        "nameplate": msgspec.to_builtins(state.known.nameplate) if state.known else {},
        "identified_at": state.known.observed_at if state.known else None,
        "last_seen_at": state.last_seen_at,
        "changes": [_change(change) for change in changes],
    }


def _change(change: Change) -> dict[str, object]:
    """A change in the form of a report: its clocks reduced to how far its time may be believed."""
    said: dict[str, object] = msgspec.to_builtins(change)
    del said["moment"]
    return said | {"clock": change.moment.clock.value}
