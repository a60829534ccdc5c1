"""The fleet, live on a terminal: gateways, what to look at, and the newest changes, from the books that a receiver is writing.

Decides layout and rhythm. Reads and never writes; must never let a foreign text drive the terminal.
"""

import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from isms.alarms import Alarm, Cause, Fleet
from isms.tables import clean

EVERY_S = 1.0
MOST_LINES = 12
_GRAVE = frozenset({Cause.FORK, Cause.BREAK, Cause.UNKNOWN_KEY})
_LEAST = {"look at": 16, "since": 11, "when": 11, "what": 16}  # columns that say little when they are cut
_STATUS = {"online": "green", "offline": "red"}


def watch(look: Callable[[], Fleet], *, console: Console | None = None, times: int | None = None) -> None:
    """Show the fleet until interrupted.

    Args:
        look: Looks into the books.
        console: Where to; standard output if None.
        times: How often, or None for ever.
    """
    stop = threading.Event()
    if times is None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
    screen = console or Console()
    with Live(console=screen, screen=screen.is_terminal, auto_refresh=False) as live:
        shown = 0
        while not stop.is_set() and shown != times:
            live.update(page(look(), datetime.now(UTC)), refresh=True)
            shown += 1
            if shown != times:
                stop.wait(EVERY_S)


def page(fleet: Fleet, now: datetime) -> Group:
    """Return one page."""
    online = sum(each["status"] == "online" for each in fleet.gateways)
    title = f"nameplated  {now.strftime('%Y-%m-%d %H:%M:%S UTC')}  gateways {online}/{len(fleet.gateways)} online"
    counted = f"  assets {len(fleet.assets)}  to look at {len(fleet.alarms)}"
    return Group(Text(title + counted, style="bold"), _gateways(fleet.gateways), _alarms(fleet.alarms), _changes(fleet.assets))


def _gateways(gateways: Sequence[Mapping[str, Any]]) -> Table:
    found = _table("gateway", "status", "chain", "head", "records", "waiting", "assets well", "heard")
    for each in gateways[:MOST_LINES]:
        health = each["health"] or {"spool": {"count": "-"}, "assets_by_outcome": {}}
        outcomes = health["assets_by_outcome"]
        well = f"{outcomes.get('identified', 0)}/{sum(outcomes.values())}"
        style = "red" if each["state"] in ("forked", "broken") else _STATUS.get(each["status"], "yellow")
        heard = str(each["last_received_at"] or "-")[11:19]
        row = [_name(each["iss"]), each["status"], each["state"], each["seq"], each["records"]]
        found.add_row(*(_text(cell) for cell in [*row, health["spool"]["count"], well, heard]), style=style)
    return _with_rest(found, len(gateways))


def _alarms(alarms: Sequence[Alarm]) -> Table:
    found = _table("look at", "since", "where", "what")
    for each in alarms[:MOST_LINES]:
        where = f"{_name(each.iss)} {each.subject}".strip()
        style = "bold red" if each.cause in _GRAVE else "yellow"
        found.add_row(*(_text(cell) for cell in (each.cause, _when(each.since), where, each.detail)), style=style)
    return _with_rest(found, len(alarms))


def _changes(assets: Sequence[Mapping[str, Any]]) -> Table:
    found = _table("changed", "when", "what", "before", "after")
    changes = sorted((change for each in assets for change in each["changes"]), key=lambda change: str(change["observed_at"]))
    for each in reversed(changes[-MOST_LINES:]):
        what = each["field"] or each["change"]
        found.add_row(*map(_text, (each["asset_id"], _when(each["observed_at"]), what, each["before"], each["after"])))
    return found


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", expand=True)
    for heading in headings:
        table.add_column(heading, no_wrap=True, overflow="ellipsis", min_width=_LEAST.get(heading, 1))
    return table


def _with_rest(table: Table, count: int) -> Table:
    if count > MOST_LINES:
        table.add_row(Text(f"… and {count - MOST_LINES} more", style="dim"))
    return table


def _name(iss: str) -> str:
    return iss.removeprefix("urn:nameplated:").replace(":", "/")


def _when(at: str | None) -> str:
    """Return day and minute of a time."""
    return at[5:16].replace("T", " ") if at else "-"


def _text(value: object) -> Text:
    return Text(clean(value))
