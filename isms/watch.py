"""The fleet, live on a terminal: gateways, what to look at, and the newest changes, from the books that a receiver is writing.

Decides layout and rhythm. Reads and never writes; must never let a foreign text drive the terminal.
"""

import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from isms.alarms import Alarm, Cause, Fleet
from isms.tables import table, wrapped

EVERY_S = 1.0
REST = 4.0  # as many times as long as a look took: a large fleet is looked at less often, and never by a whole core
MOST_LINES = 12
_GRAVE = frozenset({Cause.FORK, Cause.BREAK, Cause.UNKNOWN_KEY})
_FROZEN = frozenset({"forked", "broken"})
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
            began_s = time.monotonic()
            live.update(page(look(), datetime.now(UTC), screen.width), refresh=True)
            shown += 1
            if shown != times:
                stop.wait(max(EVERY_S, REST * (time.monotonic() - began_s)))


def page(fleet: Fleet, now: datetime, width: int) -> Text:
    """Return one page."""
    online = sum(each["status"] == "online" for each in fleet.gateways)
    title = f"nameplated  {now.strftime('%Y-%m-%d %H:%M:%S UTC')}  gateways {online}/{len(fleet.gateways)} online"
    counted = f"  assets {len(fleet.assets)}  to look at {len(fleet.alarms)}"
    sections = (_gateways(fleet.gateways, width), _alarms(fleet.alarms, width), _changes(fleet.assets, width))
    return Text("\n\n").join([Text(wrapped(title + counted, width, indent=0), style="bold"), *sections])


def _gateways(gateways: Sequence[Mapping[str, Any]], width: int) -> Text:
    headings = ["gateway", "status", "chain", "head", "records", "waiting", "assets well", "heard"]
    rows, styles = [], []
    worst = sorted(gateways, key=lambda each: (each["state"] not in _FROZEN, each["status"] == "online", each["iss"]))
    for each in worst[:MOST_LINES]:
        health = each["health"] or {"spool": {"count": None}, "assets_by_outcome": {}}
        outcomes = health["assets_by_outcome"]
        well = f"{outcomes.get('identified', 0)}/{sum(outcomes.values())}"
        heard = str(each["last_received_at"] or "-")[11:19]
        rows.append([_name(each["iss"]), each["status"], each["state"], each["seq"], each["records"]])
        rows[-1] += [health["spool"]["count"], well, heard]
        styles.append("red" if each["state"] in _FROZEN else _STATUS.get(each["status"], "yellow"))
    shown = table(headings, rows, width=width, firm=headings[1:], spare=["records", "head", "waiting", "assets well"])
    return _painted(shown, styles, len(gateways))


def _alarms(alarms: Sequence[Alarm], width: int) -> Text:
    rows = [
        [each.cause, _when(each.since), f"{_name(each.iss)} {each.subject}".strip(), each.detail] for each in alarms[:MOST_LINES]
    ]
    styles = ["bold red" if each.cause in _GRAVE else "yellow" for each in alarms[:MOST_LINES]]
    shown = table(["look at", "since", "where", "what"], rows, width=width, firm={"look at", "since"}, spare=["since"])
    return _painted(shown, styles, len(alarms))


def _changes(assets: Sequence[Mapping[str, Any]], width: int) -> Text:
    changes = sorted((change for each in assets for change in each["changes"]), key=lambda change: str(change["observed_at"]))
    rows = [
        [each["asset_id"], _when(each["observed_at"]), each["field"] or each["change"], each["before"], each["after"]]
        for each in reversed(changes[-MOST_LINES:])
    ]
    return _painted(table(["changed", "when", "what", "before", "after"], rows, width=width, firm={"when"}), [""] * len(rows))


def _painted(shown: str, styles: Sequence[str], count: int = 0) -> Text:
    """Return a table with its heading dim and each row in its style, and how many more rows there are."""
    lines = [Text(line, style=style) for line, style in zip(shown.split("\n"), ["dim", *styles], strict=True)]
    rest = [Text(f"… and {count - MOST_LINES} more", style="dim")] if count > MOST_LINES else []
    return Text("\n").join([*lines, *rest])


def _name(iss: str) -> str:
    return iss.removeprefix("urn:nameplated:").replace(":", "/")


def _when(at: str | None) -> str:
    """Return day and minute of a time."""
    return at[5:16].replace("T", " ") if at else "-"
