"""Text for people: tables that fit a terminal and cannot drive it.

Decides layout. Must never let a device's, a gateway's or a broker's text reach the terminal uncleaned.
"""

import textwrap
from collections.abc import Collection, Sequence
from typing import Final
from unicodedata import combining, east_asian_width

WIDTH: Final = 100
SHORTEST: Final = 12  # of a column that is cut to make room
FIRMEST: Final = 24  # of a column that is cut last; nothing foreign can push the others out
FEWEST_IN_A_SENTENCE: Final = 3  # spaces: of a sentence the beginning says most
_GAP: Final = "  "


def clean(value: object) -> str:
    r"""Return a value as text on one line, with everything that a terminal might obey made visible.

    >>> clean("press\x1b[2J 07")
    'press·[2J 07'
    """
    text = "-" if value is None else str(value)
    return "".join(character if character.isprintable() else "·" for character in text)


def table(
    headings: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    width: int = WIDTH,
    firm: Collection[str] = (),
    spare: Sequence[str] = (),
) -> str:
    """Lay rows out in columns; where they do not fit, spare columns are left out, then the widest are cut.

    Args:
        headings: Of the columns.
        rows: Any values.
        width: Characters a line, at most.
        firm: Columns that are cut only if cutting the others is not enough.
        spare: Columns that a narrow terminal does without, the first to go first. What they count must be told elsewhere too.

    >>> print(table(["asset", "firmware"], [["press-07", "2.1"], ["m", None]]))
    asset     firmware
    press-07  2.1
    m         -
    """
    cells = [list(headings), *([clean(value) for value in row] for row in rows)]
    widths = {heading: max(cells_wide(row[column]) for row in cells) for column, heading in enumerate(headings)}
    for heading in spare:
        if _least(widths, firm) <= width:
            break
        del widths[heading]
    room = width - len(_GAP) * (len(widths) - 1)
    _fit(widths, [heading for heading in widths if heading not in firm], room, SHORTEST)
    _fit(widths, list(widths), room, 1)
    lines = (_GAP.join(cut(row[headings.index(heading)], size) for heading, size in widths.items()).rstrip() for row in cells)
    return "\n".join(lines)


def wrapped(text: str, width: int, *, indent: int = 4) -> str:
    """Return a sentence of any length on as many lines as it takes; those after the first are indented."""
    return textwrap.fill(clean(text), max(width, indent + SHORTEST), subsequent_indent=" " * indent, break_on_hyphens=False)


def cells_wide(text: str) -> int:
    """Return how many places a text takes on a terminal: some characters take two, and some none.

    >>> cells_wide("mixer-中")
    8
    """
    if text.isascii():
        return len(text)
    return sum(0 if combining(each) else 2 if east_asian_width(each) in "WF" else 1 for each in text)


def cut(text: str, size: int) -> str:
    """Return a text that takes exactly so many places. Of a long name the end is kept too: many differ in nothing else.

    >>> cut("werk-ulm/gw-halle10", 15)
    'werk-ulm/…lle10'
    """
    wide = cells_wide(text)
    if wide <= size:
        return text + " " * (size - wide)
    is_name = text.count(" ") < FEWEST_IN_A_SENTENCE
    tail = _last(text, size // 3) if is_name and size >= SHORTEST else ""
    head = _first(text, size - 1 - cells_wide(tail))
    return head + "…" + " " * (size - 1 - cells_wide(head) - cells_wide(tail)) + tail


def _first(text: str, size: int) -> str:
    while cells_wide(text) > size:
        text = text[: max(size, 0)] if len(text) > size else text[:-1]
    return text


def _last(text: str, size: int) -> str:
    return _first(text[::-1], size)[::-1]


def _least(widths: dict[str, int], firm: Collection[str]) -> int:
    """Return how narrow a table can be and still be read."""
    least = (min(size, FIRMEST if heading in firm else SHORTEST) for heading, size in widths.items())
    return sum(least) + len(_GAP) * (len(widths) - 1)


def _fit(widths: dict[str, int], columns: Sequence[str], room: int, least: int) -> None:
    """Take from the widest of these columns, one place at a time, until all fit or none can give."""
    while sum(widths.values()) > room and (wide := [column for column in columns if widths[column] > least]):
        widths[max(wide, key=lambda column: widths[column])] -= 1
