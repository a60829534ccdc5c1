"""What an operator reads before the gateway runs, as plain text that fits a terminal.

Decides words and layout only. Never works out a figure: `agent.operator.plan` does.
"""

from collections.abc import Iterable

from agent.operator.plan import Plan, Visit
from agent.screens import columns, table, wrapped
from config.address import Scheme
from config.tabulate import PROTOCOLS

ROOM_FOR_ADDRESSES = 100  # columns

_DECIMAL = 1000


def summary(plan: Plan, *, width: int | None = None) -> str:
    """Say in words what a plant file means."""
    lines = [*wrapped(f"Plant {plan.plant}, gateway {plan.gateway}, reports to {plan.broker}.", width=width), ""]
    spoken = {PROTOCOLS[Scheme(name)]: number for name, number in plan.assets_by_protocol.items()}
    widest = max(map(len, spoken), default=0)
    lines += [f"  {protocol:<{widest}}  {count(number, 'asset')}" for protocol, number in spoken.items()]
    lines += ["", *wrapped(_asked(plan), width=width), *wrapped(_cost(plan), width=width)]
    if plan.warnings:
        lines += ["", "Look at:"]
        lines += [line for warning in plan.warnings for line in wrapped(f"- {warning}.", width=width, hanging="  ")]
    return "\n".join(lines)


def visits(rows: Iterable[Visit], *, width: int | None = None) -> str:
    """One line for each asset: how it is read, how often it is asked, and where if there is room for that."""
    wide = columns(width) >= ROOM_FOR_ADDRESSES
    head = ("asset", *(("address",) if wide else ()), "read by", "requests/day", "at most")
    cells = [
        (row.asset_id, *((row.address,) if wide else ()), row.how, str(row.requests_a_day), str(row.most_requests_a_day))
        for row in rows
    ]
    return table(head, cells, width=width)


def count(number: int, thing: str) -> str:
    """Return a number with its noun.

    >>> count(1, "asset"), count(60, "asset")
    ('1 asset', '60 assets')
    """
    return f"{number} {thing}" + ("" if number == 1 else "s")


def size(number: int) -> str:
    """Return bytes as people say them, with two digits that count.

    >>> size(950), size(61_000), size(1_756_800)
    ('950 B', '61 kB', '1.8 MB')
    """
    value, unit = float(number), "B"
    for larger in ("kB", "MB", "GB"):
        if value < _DECIMAL:
            break
        value, unit = value / _DECIMAL, larger
    return f"{value:.1f} {unit}" if value < 10 and unit != "B" else f"{value:.0f} {unit}"


def span(seconds: int) -> str:
    """Return a time as people say it.

    >>> span(21_600), span(5400), span(90)
    ('6 hours', '90 minutes', '90 seconds')
    """
    for unit, name in ((3600, "hour"), (60, "minute")):
        if seconds % unit == 0:
            return count(seconds // unit, name)
    return count(seconds, "second")


def _asked(plan: Plan) -> str:
    if not plan.visits:
        return "Nothing is asked."
    places = [count(number, thing) for number, thing in ((plan.hosts, "host"), (plan.serial_lines, "serial line")) if number]
    most = sum(visit.most_requests_a_day for visit in plan.visits)
    return (
        f"They are behind {' and '.join(places)}, each with at most one connection at a time. Each asset is looked at every "
        f"{span(plan.interval_s)}. That makes about {count(plan.requests_a_day, 'request')} a day over "
        f"{count(plan.connections_a_day, 'connection')}, and never more than {most}."
    )


def _cost(plan: Plan) -> str:
    usual, first = size(plan.broker_bytes_a_day), size(plan.broker_bytes_first_day)
    more = f" ({first} on the first day)" if first != usual else ""
    return (
        f"While nothing changes, about {usual} a day go to the broker{more}, and about {size(plan.flash_bytes_a_day)} a day to "
        "the flash, before what the file system adds."
    )
