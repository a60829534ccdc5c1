"""What a person sees while the demo runs: a live table on a terminal, plain lines anywhere else.

Decides what a moment says: a row for each asset, a sentence for each thing that changed. Never knows where the figures come from;
how a table is drawn is `agent.demo.live`'s business.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from agent.core.asset import AssetState
from agent.core.identity import text


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One asset as the gateway knows it now; empty where it does not know."""

    asset_id: str
    manufacturer: str = ""
    product: str = ""
    firmware: str = ""
    serial: str = ""
    requests: int = 0
    state: str = "not asked yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One moment of the demo.

    Attributes:
        at_s: Seconds since the curtain.
        seconds: How long the play is.
        headline: What happens now.
        rows: The assets.
        gateway: One line on the gateway's side.
        receiver: One line on the receiver's side.
        processes: One line on who runs, with process ids.
        news: What happened so far, oldest first.
    """

    at_s: float
    seconds: float
    headline: str
    rows: tuple[Row, ...]
    gateway: str = ""
    receiver: str = ""
    processes: str = ""
    news: tuple[str, ...] = ()


class Screen(Protocol):
    """Where moments are shown."""

    def show(self, view: View) -> None:
        """Show a moment."""

    def close(self) -> None:
        """Leave the terminal as it was found."""


def row(asset_id: str, state: AssetState | None) -> Row:
    """Put what the gateway believes of one asset into a row; the last known nameplate stays while a device is away."""
    if state is None:
        return Row(asset_id=asset_id)
    nameplate = state.known.nameplate if state.known else {}
    product = text(nameplate, "manufacturer_product_designation") or text(nameplate, "order_code_of_manufacturer")
    return Row(
        asset_id=asset_id,
        manufacturer=text(nameplate, "manufacturer_name"),
        product=product,
        firmware=text(nameplate, "firmware_version"),
        serial=text(nameplate, "serial_number"),
        requests=sum(state.ledger.requests.values()),
        state=state.observation.outcome,
    )


def news(before: Sequence[Row], after: Sequence[Row]) -> list[str]:
    """Say in one sentence each what became different between two moments; a request more is no news."""
    old = {line.asset_id: line for line in before}
    return [
        _sentence(old[line.asset_id], line) for line in after if line.asset_id in old and _told(old[line.asset_id]) != _told(line)
    ]


def _told(line: Row) -> tuple[str, ...]:
    return line.state, line.manufacturer, line.product, line.firmware, line.serial


def _sentence(old: Row, new: Row) -> str:
    if old.firmware and new.firmware != old.firmware:
        return f"{new.asset_id} tells firmware {new.firmware}, was {old.firmware}"
    name = " ".join(part for part in (new.manufacturer, new.product, new.firmware) if part)
    if new.state == "identified":
        return f"{new.asset_id} is identified: {name}"
    return f"{new.asset_id} is {new.state}"


def open_screen(*, quiet: bool) -> Screen:
    """Choose the screen: none, a live table on a terminal that has rich, or plain lines."""
    if quiet:
        return Silence()
    if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        return Lines()
    try:
        from agent.demo.live import Live  # brings rich, an extra: without it the demo speaks in lines
    except ImportError:
        return Lines()
    return Live()


class Silence:
    """Shows nothing: the answer comes at the end."""

    def show(self, view: View) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Nothing to leave."""


class Lines:
    """News as they come, one a line: for pipes, logs and terminals without rich."""

    def __init__(self) -> None:
        self._told = 0

    def show(self, view: View) -> None:
        """Print what is new."""
        for line in view.news[self._told :]:
            print(line, flush=True)
        self._told = len(view.news)

    def close(self) -> None:
        """Nothing to leave."""
