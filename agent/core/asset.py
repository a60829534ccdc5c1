"""What the plant believes of one asset over time: the newest look, the newest nameplate, and what all looks cost together.

Decides how a look changes that belief. Never decides what is worth reporting (`agent.core.change`).
"""

import msgspec

from agent.core.identity import compare
from agent.core.ledger import Totals, add
from agent.core.observation import Component, Name, Nameplate, Observation


class Known(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The last look that brought a nameplate: what a device is compared with when it comes back."""

    observed_at: Name
    nameplate: Nameplate
    software_components: list[Component]


class AssetState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The newest belief about one asset; overwritten by each look.

    Attributes:
        observation: The newest look whose content is on record.
        known: The newest look with a nameplate, or None if there never was one.
        last_asked_at: When it was last looked at, RFC 3339.
        last_seen_at: When it last told who it is, or None.
        ledger: What all looks cost together.
    """

    observation: Observation
    known: Known | None
    last_asked_at: Name
    last_seen_at: Name | None
    ledger: Totals


def after_look(before: AssetState | None, look: Observation) -> AssetState:
    """Return the belief after one more look."""
    totals = before.ledger if before else Totals(since=look.observed_at)
    known, seen_at = (before.known, before.last_seen_at) if before else (None, None)
    if look.identified:
        seen_at = look.observed_at
        plate = completed(known, look)
        known = Known(observed_at=look.observed_at, nameplate=plate, software_components=look.software_components)
    return AssetState(
        observation=look, known=known, last_asked_at=look.observed_at, last_seen_at=seen_at, ledger=add(totals, look.ledger)
    )


def completed(known: Known | None, look: Observation) -> Nameplate:
    """Return what is believed of the nameplate: a look at the same device that was cut short says nothing of what it did not get to."""
    if known and look.cut_short and compare(known.nameplate, look.nameplate).same:
        return known.nameplate | look.nameplate
    return look.nameplate
