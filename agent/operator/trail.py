"""What an operator sees of assets: a line for each, and of one asset everything, with the evidence for it.

Decides words and layout only. Pure: now is an argument. Shows every byte that a value was made from; never shortens evidence to
make a page look better.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from agent import screens
from agent.core.moment import Moment, elapsed_s, rfc3339
from agent.core.schedule import Turn
from agent.operator.look import asked
from agent.operator.page import count
from config.address import Address, AddressError
from evidence.kinds import Change, Component, Nameplate
from inventory.item import NOT_ASKED, Item, firmware, product, said
from inventory.rows import confidence, findings

WIDE = 100  # columns
LONGEST_WAIT_S = 365 * 86_400.0  # shown; ours end after some days, and what the journal says may be no time at all
FIRM = ("asset", "firmware", "sure", "changes", "state", "last seen")  # what is cut only if nothing else can be

_REGISTERS = re.compile(r"FC(3|4) 0x([0-9A-F]{4})(?:\+(\d+))?")
_SERVER_ID = re.compile(r"FC17 byte (\d+)(?:\+(\d+))?")
_KINDS_OF_REGISTERS = {"3": "holding", "4": "input"}


def listing(items: Sequence[Item], *, width: int | None = None) -> str:
    """Return a line for each asset, and what stands out below. A column in which nobody has anything is left out."""
    wide = screens.columns(width) >= WIDE
    head = ("asset", "manufacturer", "product", "firmware", "serial", "sure", "changes", "state", "last seen")
    chosen = [*head] if wide else ["asset", "product", "firmware", "state", "last seen"]
    ordered = sorted(items, key=lambda item: item.asset_id)
    lines = [dict(zip(head, cells, strict=True)) for cells in map(_line, ordered, _times(ordered))]
    chosen = [name for name in chosen if name == head[0] or any(line[name] for line in lines)]
    shown = screens.table(chosen, [[line[name] for name in chosen] for line in lines], width=width, firm=FIRM)
    more = "The evidence for one of them: nameplated assets show ASSET"
    return "\n".join([shown, "", *screens.wrapped(_total(items), width=width), *screens.wrapped(more, width=width)])


def page(item: Item, turn: Turn | None, now: Moment, *, windows: bool = False, width: int | None = None) -> str:
    """Return everything that is known of one asset, and how.

    Args:
        item: The asset.
        turn: When it was asked and how long it is left alone; None: not asked yet.
        now: When.
        windows: Whether there are maintenance windows, in which nothing is asked.
        width: Columns of the terminal; None: as it is.
    """

    def sentence(text: str, hanging: str = "  ") -> list[str]:
        return screens.wrapped(text, width=width, hanging=hanging, hostile=True)

    lines = [*sentence(f"{item.asset_id}: {item.outcome}, {_last_seen(item)}"), *sentence(f"  {item.address}")]
    lines += sentence(f"  {_of_the_plant(item)}")
    unasked = "" if item.observed_at else f"Nobody has looked at it yet. To look now: nameplated probe {item.address}"
    lines += sentence(f"  {item.detail or unasked}")
    later = " Never within a maintenance window." if windows else ""
    lines += ["", *sentence(next_look(turn, now) + later)]
    for title, nameplate in (("", item.nameplate), *((f", {child.key} behind it", child.nameplate) for child in item.children)):
        lines += _trail(nameplate, item.address, title, width) if nameplate else []
    if item.software_components:
        lines += ["", "Software on it:"]
        lines += [line for part in item.software_components for line in sentence(f"  {_software(part)}", "    ")]
    lines += [line for text in _remarkable(item) for line in ("", *sentence(text))]
    lines += ["", *_history(item.changes, width)]
    return "\n".join(lines)


def next_look(turn: Turn | None, now: Moment) -> str:
    """Say when an asset is looked at again, and why not earlier."""
    if turn is None:
        return "Next look: soon after collect starts; first looks are spread over up to five minutes."
    wait_s = min(max(0.0, turn.wait_s - elapsed_s(turn.asked, now)), LONGEST_WAIT_S)
    when = f"about {_minute(rfc3339(now.at_s + wait_s))} UTC, in {_wait(wait_s)}" if wait_s else "now due"
    why = ""
    if turn.failures:
        why = f" {count(turn.failures, 'failed look')} in a row: it is left alone longer each time."
    if turn.quarantined:
        why = f" In quarantine: it did not want to be asked {turn.harm_signs} times in a row. Find out why before you ask again."
    return f"Next look: {when}.{why}"


def request(source: str, address: str) -> str:
    """Say in words which request brought a value, and where in its answer the value stood.

    >>> request("43/14 object 0x02", "modbus-tcp://10.0.0.7:502?unit=1")
    'device identification (function code 43/14), object 0x02, unit id 1'
    >>> request("FC3 0x2012+1", "modbus-tcp://10.0.0.7:502?unit=255")
    'holding registers (function code 3), 0x2012 to 0x2013, unit id 255'
    >>> request("i=2263", "opc.tcp://10.0.0.8:4840")
    'OPC UA Read of node i=2263'
    """
    try:
        where = Address.parse(address)
    except AddressError:  # an earlier plant file's, which another version wrote
        return source
    if not where.scheme.is_modbus:
        return f"OPC UA Read of node {source}"
    at = f", unit id {where.unit}"
    if found := _REGISTERS.fullmatch(source):
        kind, first, more = _KINDS_OF_REGISTERS[found[1]], int(found[2], 16), int(found[3] or 0)
        last = f" to 0x{first + more:04X}" if more else ""
        return f"{kind} registers (function code {found[1]}), 0x{first:04X}{last}{at}"
    if found := _SERVER_ID.fullmatch(source):
        last = f" to {int(found[1]) + int(found[2])}" if found[2] else ""
        return f"server id (function code 17), bytes from {found[1]}{last}{at}"
    if source.startswith("43/14 "):
        return f"device identification (function code 43/14), {source.removeprefix('43/14 ')}{at}"
    return f"{source}{at}"


def _line(item: Item, seen: str) -> tuple[str, ...]:
    plate = item.nameplate
    return (
        item.asset_id,
        said(plate, "manufacturer_name"),
        product(plate),
        firmware(plate),
        said(plate, "serial_number"),
        confidence(plate),
        str(len(item.changes) or ""),
        item.outcome,
        seen,
    )


def _total(items: Sequence[Item]) -> str:
    outcomes = Counter(item.outcome for item in items)
    parts = ", ".join(f"{number} {outcome}" for outcome, number in outcomes.most_common())
    return f"{count(len(items), 'asset')}: {parts or 'none'}."


def _times(items: Sequence[Item]) -> list[str]:
    """When each was last seen, to the minute; the year is left out where all share it."""
    minutes = [_minute(item.last_seen_at or "never") for item in items]
    years = {minute[:4] for minute in minutes if minute != "never"}
    return [minute[5:] if minute != "never" and len(years) == 1 else minute for minute in minutes]


def _trail(nameplate: Nameplate, address: str, title: str, width: int | None) -> Iterator[str]:
    """Each field with the request that brought it, the bytes that it was made from, and who read them."""
    yield ""
    yield from screens.wrapped(f"Nameplate{title}:", width=width, hostile=True)
    for name, field in nameplate.items():
        yield from screens.wrapped(f"  {name} = {field.value}", width=width, hanging="      ", hostile=True)
        reader = f"by profile {field.profile}" if field.profile else "as the standard says"
        for word, text in (
            ("asked", request(field.source, address)),
            ("bytes", _hex(field.raw)),
            ("read ", f"{reader}, confidence {field.confidence}"),
        ):
            yield from screens.wrapped(f"      {word}  {text}", width=width, hanging=" " * 13, hostile=True)


def _hex(raw: str) -> str:
    """Bytes as people read them: in pairs.

    >>> _hex("322e31")
    '32 2e 31'
    """
    return " ".join(raw[at : at + 2] for at in range(0, len(raw), 2)) or "no bytes"


def _remarkable(item: Item) -> Iterator[str]:
    if item.posture is not None:
        yield f"Security of its endpoint: {' '.join(map(str, findings(item.posture))) or 'no findings'}"
    if item.remarks:
        yield f"Remarks: {'; '.join(item.remarks)}"
    if item.ledger:
        yield (
            f"The newest look with news cost it: {count(item.ledger.connections, 'connection')}, {asked(item.ledger.requests)}, "
            f"{item.ledger.sent_bytes} bytes out, {item.ledger.received_bytes} bytes in."
        )


def _history(changes: Sequence[Change], width: int | None) -> Iterator[str]:
    if not changes:
        yield from screens.wrapped(
            "Changes: none in the journal. What was delivered is trimmed there; the ISMS keeps all.", width=width
        )
        return
    yield "Changes in the journal, oldest first (the ISMS keeps all):"
    for change in changes:
        what = f"  {_minute(change.observed_at)} {change.change.value}"
        if change.field:
            what += f" {change.field}: {change.before or 'nothing'} -> {change.after or 'nothing'}"
        elif change.after:
            what += f": {change.after}"
        yield from screens.wrapped(f"{what} ({change.basis})", width=width, hanging="    ", hostile=True)


def _software(part: Component) -> str:
    words = " ".join(word for word in (part.manufacturer, part.name, part.version) if word)
    return f"{words} (node {part.source})" if part.source else words


def _last_seen(item: Item) -> str:
    if item.last_seen_at:
        return f"last seen {_minute(item.last_seen_at)} UTC"
    return "never seen" if item.outcome != NOT_ASKED else "never looked at"


def _of_the_plant(item: Item) -> str:
    register = f"in the ISMS as {item.register_id}" if item.register_id else "not yet recorded in the ISMS"
    return ", ".join(word for word in (item.role, item.criticality, item.location, register) if word)


def _wait(wait_s: float) -> str:
    """A wait in whole minutes, one at least.

    >>> _wait(21_000), _wait(3600), _wait(5)
    ('5 h 50 min', '1 h', '1 min')
    """
    hours, minutes = divmod(max(1, round(wait_s / 60)), 60)
    return " ".join(f"{number} {unit}" for number, unit in ((hours, "h"), (minutes, "min")) if number)


def _minute(at: str) -> str:
    return at[:16].replace("T", " ")
