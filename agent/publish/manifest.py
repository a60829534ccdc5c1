"""Once a day: the whole inventory with its last-seen times, and what every device was asked.

Decides when the manifest is due and what it says. Never asks a device; it tells what collect has left in the journal. It is
what makes silence visible: a look that saw nothing new leaves no record, but it moves *last seen*.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from agent.core.moment import Moment, elapsed_s
from agent.publish.fold import Draft
from agent.publish.survey import Survey
from evidence import kinds

EVERY_S = 86_400.0
FIRST_AFTER_S = 600.0
"""After the start of a chain: long enough for a first round, short enough to be there when the engineer looks."""


LINES_A_PART = 200
"""Assets in one report: a line takes up to 600 bytes where names are long."""

BYTES_A_PART = 131_072
"""Of the lines in one report: what is longer than we expect must not take the lines beside it with it."""

SMALLEST_SHARE = 8
"""One part takes at most so small a share of the outbox."""

BYTES_STORED = 3
"""What a byte of a part takes in the outbox: it has two reports, each in base64url, and a share of their envelopes."""


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


def bytes_a_part(outbox_bytes: int) -> int:
    """Return how large each report of a part may be, for an outbox of a size: small enough that it can always make room for them.

    >>> bytes_a_part(256 * 1024 * 1024), bytes_a_part(1024 * 1024), bytes_a_part(64 * 1024)
    (131072, 43690, 2730)
    """
    return min(BYTES_A_PART, outbox_bytes // SMALLEST_SHARE // BYTES_STORED)


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


def manifest(survey: Survey, now: Moment, told: Told, *, room_bytes: int = BYTES_A_PART) -> list[Part]:
    """Write what is still to be told of a manifest, in parts that fit an envelope.

    One that was interrupted goes on behind the asset that it came to, whatever came or went meanwhile.
    """
    names = sorted(survey.inventory.keys() | survey.ledger.keys())
    batches = _batches(survey, [name for name in names if not told.part or name > told.after], room_bytes)
    whole = Told(moment=now, manifests=told.manifests + 1)
    if told.part and not batches:  # what was still to be told of is gone
        return [Part(drafts=(), told=whole)]
    since = min((ledger.since for ledger in survey.ledger.values()), default=now.text)
    found: list[Part] = []
    for part, batch in enumerate(batches, start=told.part + 1):
        numbers = {"part": part, "parts": told.part + len(batches)}
        assets = [survey.inventory[name] for name in batch if name in survey.inventory]
        asked = [survey.ledger[name].line for name in batch if name in survey.ledger]
        inventory = kinds.Inventory(at=now.text, assets=assets, **numbers)
        ledger = kinds.Ledger(since=since, until=now.text, assets=asked, **numbers)
        drafts = (Draft(f"inventory part {part}", inventory), Draft(f"ledger part {part}", ledger))
        is_last = batch is batches[-1]
        further = msgspec.structs.replace(told, part=part, after=batch[-1])
        found.append(Part(drafts=drafts, told=whole if is_last else further))
    return found


def _batches(survey: Survey, names: Sequence[str], room_bytes: int) -> list[list[str]]:
    """Cut a plant into parts of at most `LINES_A_PART` assets, none of whose two reports takes more than so many bytes.

    An asset whose own lines are longer is a part by itself.
    """
    batches: list[list[str]] = []
    used = (0, 0)
    for name in names:
        size = (_size(survey.inventory.get(name)), _size(survey.ledger.get(name)))
        used = (used[0] + size[0], used[1] + size[1])
        if not batches or max(used) > room_bytes or len(batches[-1]) == LINES_A_PART:
            batches.append([])
            used = size
        batches[-1].append(name)
    return batches


def _size(line: object) -> int:
    return len(msgspec.json.encode(line)) + 1
