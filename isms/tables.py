"""Text for people: tables that fit a terminal and cannot drive it.

Decides layout. Must never let a device's, a gateway's or a broker's text reach the terminal uncleaned.
"""

from collections.abc import Sequence

WIDTH = 100
_GAP = "  "


def clean(value: object) -> str:
    r"""Return a value as text on one line, with everything that a terminal might obey made visible.

    >>> clean("press\x1b[2J 07")
    'press·[2J 07'
    """
    text = "-" if value is None else str(value)
    return "".join(character if character.isprintable() else "·" for character in text)


def table(headings: Sequence[str], rows: Sequence[Sequence[object]], *, width: int = WIDTH) -> str:
    """Lay rows out in columns; where they do not fit, the widest columns are cut.

    >>> print(table(["asset", "firmware"], [["press-07", "2.1"], ["m", None]]))
    asset     firmware
    press-07  2.1
    m         -
    """
    cells = [list(headings), *([clean(value) for value in row] for row in rows)]
    widths = _fit([max(len(row[column]) for row in cells) for column in range(len(headings))], width)
    return "\n".join(_GAP.join(_cut(text, size) for text, size in zip(row, widths, strict=True)).rstrip() for row in cells)


def _fit(widths: list[int], width: int) -> list[int]:
    """Take from the widest column, one character at a time, until all fit."""
    while sum(widths) + len(_GAP) * (len(widths) - 1) > width and max(widths) > 1:
        widths[widths.index(max(widths))] -= 1
    return widths


def _cut(text: str, size: int) -> str:
    return text.ljust(size) if len(text) <= size else text[: size - 1] + "…"
