"""Text for people: tables that fit a terminal and cannot drive it.

Decides layout. Must never let a device's, a gateway's or a broker's text reach the terminal uncleaned.
"""

from collections.abc import Collection, Sequence

WIDTH = 100
SHORTEST = 8
_GAP = "  "


def clean(value: object) -> str:
    r"""Return a value as text on one line, with everything that a terminal might obey made visible.

    >>> clean("press\x1b[2J 07")
    'press·[2J 07'
    """
    text = "-" if value is None else str(value)
    return "".join(character if character.isprintable() else "·" for character in text)


def table(headings: Sequence[str], rows: Sequence[Sequence[object]], *, width: int = WIDTH, firm: Collection[str] = ()) -> str:
    """Lay rows out in columns; where they do not fit, the widest columns are cut.

    Args:
        headings: Of the columns.
        rows: Any values.
        width: Characters a line, at most.
        firm: Columns that are cut only if cutting the others is not enough.

    >>> print(table(["asset", "firmware"], [["press-07", "2.1"], ["m", None]]))
    asset     firmware
    press-07  2.1
    m         -
    """
    cells = [list(headings), *([clean(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    soft = [column for column, heading in enumerate(headings) if heading not in firm]
    room = width - len(_GAP) * (len(headings) - 1)
    _fit(widths, soft, room, SHORTEST)
    _fit(widths, range(len(headings)), room, 1)
    return "\n".join(_GAP.join(_cut(text, size) for text, size in zip(row, widths, strict=True)).rstrip() for row in cells)


def _fit(widths: list[int], columns: Sequence[int], room: int, least: int) -> None:
    """Take from the widest of these columns, one character at a time, until all fit or none can give."""
    while sum(widths) > room and (wide := [column for column in columns if widths[column] > least]):
        widths[max(wide, key=lambda column: widths[column])] -= 1


def _cut(text: str, size: int) -> str:
    return text.ljust(size) if len(text) <= size else text[: size - 1] + "…"
