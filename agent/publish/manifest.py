"""Once a day: the whole inventory with its last-seen times, and what every device was asked.

Decides when the manifest is due and what it says. Never asks a device; it tells what collect has left in the journal. It is
what makes silence visible: a look that saw nothing new leaves no record, but it moves *last seen*.
"""

from dataclasses import dataclass

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

BYTES_A_LINE = 2_000
"""What an asset takes in the outbox at most, in both reports together: 600 bytes each, in base64url, and a share of an envelope."""

SMALLEST_SHARE = 8
"""One part takes at most so small a share of the outbox."""


class Told(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When the last manifest was written, or, before the first one, when the chain began; and how far the next one is.

    Attributes:
        moment: When.
        manifests: How many were written whole.
        part: How many parts of the next one are written.
        after: The asset that the last of them ended with.
    """

    moment: Moment
    manifests: int = 0
    part: int = 0
    after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a manifest: what one transaction takes.

    Attributes:
        drafts: What its assets are, and what was asked of them.
        told: How far the manifest is then.
    """

    drafts: tuple[Draft, ...]
    told: Told


def lines_a_part(outbox_bytes: int) -> int:
    """Return of how many assets one part tells, for an outbox of a size: few enough that it can always make room for them.

    >>> lines_a_part(256 * 1024 * 1024), lines_a_part(1024 * 1024), lines_a_part(64 * 1024)
    (200, 65, 4)
    """
    return max(1, min(LINES_A_PART, outbox_bytes // SMALLEST_SHARE // BYTES_A_LINE))


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


def manifest(states: dict[str, AssetState], now: Moment, told: Told, *, lines: int = LINES_A_PART) -> list[Part]:
    """Write what is still to be told of a manifest, in parts that fit an envelope.

    One that was interrupted goes on behind the asset that it came to, whatever came or went meanwhile.
    """
    left = sorted(item for item in states.items() if not told.part or item[0] > told.after)
    batches = [left[start : start + lines] for start in range(0, len(left), lines)]
    whole = Told(moment=now, manifests=told.manifests + 1)
    if told.part and not left:  # what was still to be told of is gone
        return [Part(drafts=(), told=whole)]
    since = min((state.ledger.since for state in states.values()), default=now.text)
    found: list[Part] = []
    for part, batch in enumerate(batches, start=told.part + 1):
        numbers = {"part": part, "parts": told.part + len(batches)}
        inventory = kinds.Inventory(at=now.text, assets=[_inventory_line(name, state) for name, state in batch], **numbers)
        ledger = kinds.Ledger(since=since, until=now.text, assets=[_ledger_line(name, state) for name, state in batch], **numbers)
        drafts = (Draft(f"inventory part {part}", inventory), Draft(f"ledger part {part}", ledger))
        is_last = batch is batches[-1]
        further = msgspec.structs.replace(told, part=part, after=batch[-1][0])
        found.append(Part(drafts=drafts, told=whole if is_last else further))
    return found


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
