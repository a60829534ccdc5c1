"""Once a day: the whole inventory with its last-seen times, and what every device was asked.

Decides when the manifest is due and what it says. Never asks a device; it tells what collect has left in the journal. It is
what makes silence visible: a look that saw nothing new leaves no record, but it moves *last seen*.
"""

import msgspec

from agent.core.asset import AssetState
from agent.core.identity import text
from agent.core.moment import Moment, elapsed_s
from agent.publish.fold import Draft
from evidence import kinds

EVERY_S = 86_400.0
FIRST_AFTER_S = 600.0
"""After the start of a chain: long enough for a first round, short enough to be there when the engineer looks."""


LINES_A_PART = 200
"""Assets in one report: a line takes up to 600 bytes where names are long."""


class Told(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When the last manifest was written, or, before the first one, when the chain began."""

    moment: Moment
    manifests: int = 0


def is_due(told: Told, now: Moment) -> bool:
    """Tell whether a manifest is due."""
    return elapsed_s(told.moment, now) >= (EVERY_S if told.manifests else FIRST_AFTER_S)


def resumed(told: Told | None, now: Moment) -> Told:
    """Return when the last manifest was written, as far as this start of publish can believe it.

    After a boot at which the clock stands before that moment nobody knows how long ago it was, and to wait until the clock has
    come so far can take years. Then it counts as the start of a chain does.
    """
    if told is None or (told.moment.boot != now.boot and told.moment.at_s > now.at_s):
        return Told(moment=now)
    return told


def manifest(states: dict[str, AssetState], now: Moment) -> list[Draft]:
    """Write the inventory and the ledger of all assets, in parts that fit an envelope."""
    lines = sorted(states.items())
    parts = [lines[start : start + LINES_A_PART] for start in range(0, len(lines), LINES_A_PART)]
    since = min((state.ledger.since for state in states.values()), default=now.text)
    drafts: list[Draft] = []
    for part, batch in enumerate(parts, start=1):
        inventory = [_inventory_line(name, state) for name, state in batch]
        ledger = [_ledger_line(name, state) for name, state in batch]
        drafts += [
            Draft(f"inventory part {part}", kinds.Inventory(at=now.text, part=part, parts=len(parts), assets=inventory)),
            Draft(f"ledger part {part}", kinds.Ledger(since=since, until=now.text, part=part, parts=len(parts), assets=ledger)),
        ]
    return drafts


def _inventory_line(name: str, state: AssetState) -> kinds.InventoryLine:
    return kinds.InventoryLine(
        asset_id=name,
        address=state.observation.address,
        last_seen_at=state.last_seen_at,
        last_asked_at=state.last_asked_at,
        outcome=state.observation.outcome,
        firmware_version=text(state.known.nameplate, "firmware_version") if state.known else "",
    )


def _ledger_line(name: str, state: AssetState) -> kinds.LedgerLine:
    totals = state.ledger
    return kinds.LedgerLine(
        asset_id=name,
        address=state.observation.address,
        visits=totals.looks,
        connections=totals.connections,
        requests=totals.requests,
        sent_bytes=totals.sent_bytes,
        received_bytes=totals.received_bytes,
        smallest_gap_ms=totals.smallest_gap_ms,
    )
