"""Which differences between two looks at an asset are worth reporting.

Decides changes. Never decides that a look is not written down (`agent.collect` does, by `same_content`), and never calls a
device gone because one field is missing.
"""

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from agent.core.asset import AssetState, Known, completed
from agent.core.identity import compare, text
from agent.core.moment import Moment
from agent.core.observation import GONE, Name, Nameplate, Observation, Text


class ChangeKind(StrEnum):
    """What kind of difference it is."""

    FIRST_SEEN = "first-seen"  # the asset has a nameplate for the first time
    CHANGED = "changed"  # the same device tells something else: a firmware update
    REPLACED = "replaced"  # another device answers in its place
    LOST = "lost"  # nobody answers any more
    RETURNED = "returned"  # it answers again
    POSTURE_CHANGED = "posture-changed"  # its security is another one


class Change(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One difference worth reporting.

    Attributes:
        asset_id: The asset.
        observed_at: When the new side was seen, RFC 3339.
        moment: All clocks at that moment.
        change: What kind of difference.
        field: Where: a field of the nameplate, `software_components/NAME`, `children/KEY/FIELD`, `outcome`, `posture`.
        before: The old value, or empty.
        after: The new value, or empty.
        basis: Why it is taken for this kind of difference.
    """

    asset_id: Name
    observed_at: Name
    moment: Moment
    change: ChangeKind
    field: Text = ""
    before: Text = ""
    after: Text = ""
    basis: Text = ""


def changes(before: AssetState | None, look: Observation) -> list[Change]:
    """Compare a look with what is known of the asset.

    A device that was away is compared with what it said last, however long ago: an update in the meantime is not missed.
    """
    found = list(_presence(before, look))
    if look.identified and before and before.known:
        found += _nameplate(before.known, look)
        found += _components(before.known, look)
    if before:
        found += _children(before.observation, look)
        found += _posture(before.observation, look)
    return found


def _change(look: Observation, kind: ChangeKind, *, field: str, before: str, after: str, basis: str) -> Change:
    return Change(
        asset_id=look.asset_id,
        observed_at=look.observed_at,
        moment=look.moment,
        change=kind,
        field=field,
        before=before,
        after=after,
        basis=basis,
    )


def _presence(before: AssetState | None, look: Observation) -> Iterator[Change]:
    """First seen, lost, returned, or another outcome."""
    if before is None or before.known is None:
        if look.identified:
            basis = "no nameplate of this asset was on record"
            yield _change(look, ChangeKind.FIRST_SEEN, field="", before="", after=_title(look.nameplate), basis=basis)
        return
    was, now = before.observation.outcome, look.outcome
    if was == now or {was, now} <= GONE:
        return
    if now in GONE:
        kind = ChangeKind.LOST
    elif look.identified and was in GONE:
        kind = ChangeKind.RETURNED
    else:
        kind = ChangeKind.CHANGED
    yield _change(look, kind, field="outcome", before=was, after=now, basis=look.detail)


def _nameplate(known: Known, look: Observation) -> Iterator[Change]:
    """Differences of the asset's own nameplate: all of one device, or another device."""
    identity = compare(known.nameplate, look.nameplate)
    kind = ChangeKind.CHANGED if identity.same else ChangeKind.REPLACED
    for field, before, after in _differences(known.nameplate, completed(known, look)):
        yield _change(look, kind, field=field, before=before, after=after, basis=identity.basis)


def _components(known: Known, look: Observation) -> Iterator[Change]:
    """Another version of a component, or one that came or went."""
    before = {component.name: component.version for component in known.software_components}
    after = {component.name: component.version for component in look.software_components}
    for name in sorted(before.keys() | after.keys()):
        if before.get(name, "") != after.get(name, ""):
            yield _change(
                look,
                ChangeKind.CHANGED,
                field=f"software_components/{name}",
                before=before.get(name, ""),
                after=after.get(name, ""),
                basis="the component of this name has another version",
            )


def _children(before: Observation, look: Observation) -> Iterator[Change]:
    """Differences of devices behind this one; only two full looks can be compared."""
    if not (before.identified and look.identified) or before.cut_short or look.cut_short:
        return
    old = {child.key: child.nameplate for child in before.children}
    new = {child.key: child.nameplate for child in look.children}
    for key in sorted(old.keys() | new.keys()):
        for field, was, now in _differences(old.get(key, {}), new.get(key, {})):
            basis = "the device of this name behind the asset"
            yield _change(look, ChangeKind.CHANGED, field=f"children/{key}/{field}", before=was, after=now, basis=basis)


def _posture(before: Observation, look: Observation) -> Iterator[Change]:
    """Another security posture; a look that saw none says nothing about it."""
    if before.posture is None or look.posture is None or before.posture == look.posture:
        return
    was, now = (" ".join(posture.get("findings", ())) for posture in (before.posture, look.posture))
    basis = "endpoints, certificate or findings are not the same"
    yield _change(look, ChangeKind.POSTURE_CHANGED, field="posture", before=was[:1024], after=now[:1024], basis=basis)


def _differences(before: Nameplate, after: Nameplate) -> Iterator[tuple[str, str, str]]:
    """Yield field, old value and new value wherever they differ."""
    for field in sorted(before.keys() | after.keys()):
        was, now = text(before, field), text(after, field)
        if was != now:
            yield field, was, now


def _title(nameplate: Nameplate) -> str:
    """Name a device for a person: manufacturer, product and firmware, as far as they are known."""
    product = text(nameplate, "manufacturer_product_designation") or text(nameplate, "order_code_of_manufacturer")
    parts = (text(nameplate, "manufacturer_name"), product, text(nameplate, "firmware_version"))
    return " ".join(part for part in parts if part)[:1024]
