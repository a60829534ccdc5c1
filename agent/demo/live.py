"""The live table on a terminal, drawn with rich.

Decides how a moment looks in the room that the terminal has. Every text is drawn as text, never as markup, because names come from
devices. Colours are left out where NO_COLOR asks for it; rich sees to that.
"""

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live as RichLive
from rich.table import Table
from rich.text import Text

from agent.demo.table import Row, View

NEWS_LINES = 9
"""Under a table of eleven assets this fills a terminal of thirty lines and no more."""

NARROW_COLUMNS = 98
"""Below this width the serial number gives way, and long names of makers and products are cut."""

STYLES = {"identified": "green", "not asked yet": "dim"}
"""Colours of states; everything else deserves a look."""


class Live:
    """A table that is drawn anew in place."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, markup=False, emoji=False)
        self._live = RichLive(console=self._console, auto_refresh=False, transient=True)
        self._live.start()

    def show(self, view: View) -> None:
        """Draw a moment."""
        self._live.update(draw(view, width=self._console.width, height=self._console.height), refresh=True)

    def close(self) -> None:
        """Give the terminal back."""
        self._live.stop()


def draw(view: View, *, width: int, height: int) -> RenderableType:
    """Draw a moment for a terminal of this size."""
    clock = f"{min(view.at_s, view.seconds):3.0f} of {view.seconds:.0f} s"
    head = Text.assemble((f"nameplated demo  {clock}  ", "bold"), view.headline, no_wrap=True, overflow="ellipsis")
    lines = [_line(line) for line in (view.gateway, view.receiver, view.processes) if line]
    room = max(0, min(NEWS_LINES, height - len(view.rows) - len(lines) - 6))
    recent = view.news[len(view.news) - room :] if len(view.news) > room else view.news
    return Group(head, Text(), _table(view.rows, width), Text(), *lines, Text(), *(_line(line, "dim") for line in recent))


def _line(text: str, style: str = "") -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")


def _table(rows: Sequence[Row], width: int) -> Table:
    """Build the table of assets."""
    wide = width >= NARROW_COLUMNS
    table = Table(box=None, pad_edge=False, expand=False, header_style="bold")
    table.add_column("asset", no_wrap=True)
    table.add_column("manufacturer", no_wrap=True, overflow="ellipsis", max_width=None if wide else 10)
    table.add_column("product", no_wrap=True, overflow="ellipsis", max_width=None if wide else 16)
    table.add_column("firmware", no_wrap=True, overflow="ellipsis")
    if wide:
        table.add_column("serial", no_wrap=True, overflow="ellipsis")
    table.add_column("requests", justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for line in rows:
        cells = (line.asset_id, line.manufacturer, line.product, line.firmware, *((line.serial,) if wide else ()))
        state = Text(line.state, style=STYLES.get(line.state, "yellow"))
        table.add_row(*map(Text, cells), Text(str(line.requests)), state)
    return table
