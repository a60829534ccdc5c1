"""What a person reads: tables and sentences as plain text that fits a terminal.

Decides layout only. Never asks anything, and never lets a device's text drive the terminal: it was cleaned where it came in,
and control characters are dropped here once more.
"""

import re
import shutil
import textwrap
from collections.abc import Collection, Iterable, Sequence

NARROWEST = 60
SHORTEST = 6  # characters that a column keeps while others can give

_THUMBPRINT = re.compile(r"\b[0-9a-f]{64}\b")
_COPIED = re.compile(rf"/|{_THUMBPRINT.pattern}")


def columns(width: int | None = None) -> int:
    """Return how many characters a line may have: as told, else those of the terminal, 100 for a file."""
    return max(width or shutil.get_terminal_size((100, 24)).columns, NARROWEST)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, width: int | None = None, firm: Collection[str] = ()) -> str:
    """Lay out rows below a head; where the terminal is too narrow, the widest columns give way.

    Args:
        head: Headings.
        rows: A cell for each heading.
        width: Columns of the terminal; None: as it is.
        firm: Headings whose columns give way last.

    >>> print(table(("asset", "state"), [("press-07", "identified")], width=80))
    asset     state
    press-07  identified
    """
    lines = [[plain(cell) for cell in row] for row in (head, *rows)]
    room = columns(width) - 2 * (len(head) - 1)
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    _narrow(widths, [column for column, heading in enumerate(head) if heading not in firm], room, SHORTEST)
    _narrow(widths, range(len(head)), room, 1)
    return "\n".join("  ".join(_fit(cell, wide) for cell, wide in zip(line, widths, strict=True)).rstrip() for line in lines)


def _narrow(widths: list[int], soft: Sequence[int], room: int, least: int) -> None:
    """Take from the widest of these columns, one character at a time, until all fit or none can give."""
    while sum(widths) > room and (wide := [column for column in soft if widths[column] > least]):
        widths[max(wide, key=lambda column: widths[column])] -= 1


def wrapped(text: str, *, width: int | None = None, hanging: str = "", hostile: bool = False) -> list[str]:
    """Return a sentence cut into lines of the terminal. What is to be copied and is longer than a line stays whole.

    Args:
        text: The sentence.
        width: Columns; None: those of the terminal.
        hanging: What every line but the first begins with.
        hostile: Whether a device wrote in it: then nothing but a thumbprint goes beyond the edge. Otherwise paths and addresses
            may too.
    """
    room = columns(width)
    copied = _THUMBPRINT if hostile else _COPIED
    lines = textwrap.wrap(plain(text), room, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False)
    return [piece for line in lines for piece in ([line] if copied.search(line) else _cut(line, room, hanging))]


def _cut(line: str, room: int, hanging: str) -> list[str]:
    """Cut a line where a single word is longer than the terminal is wide."""
    return textwrap.wrap(line, room, subsequent_indent=hanging, break_on_hyphens=False)


def plain(text: str) -> str:
    """Drop whatever is not printable."""
    return "".join(character for character in text if character.isprintable())


def _fit(cell: str, width: int) -> str:
    return cell.ljust(width) if len(cell) <= width else cell[: max(width - 1, 0)] + "…"
