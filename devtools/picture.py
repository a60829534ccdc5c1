"""Draws docs/pictures/demo.svg from a real run of the demo on a real terminal: `python -m devtools.picture` (needs tmux).

Decides how a terminal looks as a picture. Never draws what was not on the screen: tmux is asked what it shows, at the moment at
which the broker is down and the gateway goes on.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from html import escape
from itertools import pairwise
from pathlib import Path

from rich.text import Text

from devtools.page import ROOT

PICTURE = ROOT / "docs/pictures/demo.svg"
COLUMNS, LINES = 98, 30
MOMENT = "broker down"
LONGEST_S, LATER_S = 60.0, 4.0

CHARACTER, LINE, MARGIN = 8.4, 18, 16
HARD_SPACE = "\N{NO-BREAK SPACE}"  # others are drawn as one
GROUND, INK = "#10161c", "#d7dee5"
FONTS = "ui-monospace, 'Cascadia Mono', 'DejaVu Sans Mono', 'Liberation Mono', monospace"
INKS = {"color(2)": "#7ee0a1", "color(3)": "#ffd166"}  # green and yellow, as a terminal numbers them


def screen() -> str:
    """Play the demo in tmux, and return what its terminal shows a few seconds after the broker was killed."""
    tmux = ("tmux", "-L", f"nameplated-picture-{time.monotonic_ns()}")
    size = ("-x", str(COLUMNS), "-y", str(LINES))
    program = Path(sys.executable).with_name("nameplated")
    subprocess.run([*tmux, "-f", "/dev/null", "new-session", "-d", *size, f"{program} demo --seconds 45"], check=True)
    try:
        until = time.monotonic() + LONGEST_S
        while MOMENT not in _shown(tmux):
            if time.monotonic() > until:
                raise TimeoutError(f"{MOMENT!r} was never on the screen")
            time.sleep(0.2)
        time.sleep(LATER_S)
        return _shown(tmux)
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)


def _shown(tmux: Sequence[str]) -> str:
    return subprocess.run([*tmux, "capture-pane", "-e", "-p"], check=True, capture_output=True, text=True).stdout


def picture(ansi: str) -> str:
    r"""Draw a screen; each line is as long as its characters in any font, so columns stay straight.

    >>> print(picture("\x1b[32mok\x1b[0m now").splitlines()[5])
    <text x="16" y="34" textLength="50.4"><tspan fill="#7ee0a1">ok</tspan>\xa0now</text>
    """
    lines = Text.from_ansi(ansi.rstrip("\n")).split("\n")
    width, height = round(COLUMNS * CHARACTER) + 2 * MARGIN, len(lines) * LINE + 2 * MARGIN
    drawn = [_line(line, MARGIN + (number + 1) * LINE) for number, line in enumerate(lines)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
            "<!-- Written by `python -m devtools.picture` from a run of `nameplated demo`. -->",
            "<title>The demo: a table of assets while the broker is down</title>",
            f'<rect width="{width}" height="{height}" rx="8" fill="{GROUND}"/>',
            f'<g font-family="{FONTS}" font-size="14" fill="{INK}">',
            *(line for line in drawn if line),
            "</g>",
            "</svg>\n",
        ]
    )


def _line(text: Text, y: int) -> str:
    text.rstrip()
    if not text.plain:
        return ""
    return f'<text x="{MARGIN}" y="{y}" textLength="{len(text) * CHARACTER:.1f}">{"".join(_spans(text))}</text>'


def _spans(text: Text) -> list[str]:
    """Return the pieces of a line, each in its style."""
    edges = sorted({0, len(text), *(edge for span in text.spans for edge in (span.start, span.end))})
    return [_span(text, start, end) for start, end in pairwise(edges)]


def _span(text: Text, start: int, end: int) -> str:
    shown = escape(text.plain[start:end]).replace(" ", HARD_SPACE)
    words = {word for span in text.spans if span.start <= start < span.end for word in str(span.style).split()}
    look = [f'fill="{ink}"' for colour, ink in INKS.items() if colour in words]
    look += ['font-weight="bold"'] * ("bold" in words) + ['opacity="0.65"'] * ("dim" in words)
    return f"<tspan {' '.join(look)}>{shown}</tspan>" if look else shown


if __name__ == "__main__":
    PICTURE.write_text(picture(screen()), "utf-8")
