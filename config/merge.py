"""Several files become one plant: the plant file, and what lies in `conf.d` beside it, in the order of their names.

Decides which file says what, and what is said twice. Lists of tables, such as the assets of each hall, follow one another; any other
table belongs to one file, because half of a section here and half there is how a setting gets lost. Never reads a file.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.errors import Problem
from config.locate import Lines, Spot, index

_LISTED = re.compile(r"\A(\w+)\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Part:
    """One file.

    Attributes:
        path: As it was named.
        text: All of it.
        document: What `tomllib` made of that.
    """

    path: Path
    text: str
    document: dict[str, Any]


def merged(parts: Sequence[Part]) -> dict[str, Any]:
    """Return the document of all files together; of what is said twice, the first.

    >>> halls = [Part(Path(name), "", {"asset": [{"id": name}]}) for name in ("a", "b")]
    >>> merged(halls)
    {'asset': [{'id': 'a'}, {'id': 'b'}]}
    """
    whole: dict[str, Any] = {}
    for part in parts:
        for key, value in part.document.items():
            if _follows(whole.get(key), value):
                whole[key] = [*whole[key], *value]
            else:
                whole.setdefault(key, value)
    return whole


def clashes(parts: Sequence[Part]) -> Iterator[Problem]:
    """Yield every table that two files set, with both places."""
    first: dict[str, tuple[Part, Any]] = {}
    for part in parts:
        for key, value in part.document.items():
            before, known = first.setdefault(key, (part, value))
            if before is part or _follows(known, value):
                continue
            here, there = index(part.text).get(key), index(before.text).get(key)
            what = f"is set here and in {before.path}{f':{there.line}' if there else ''}"
            line, column = (here.line, here.column) if here else (None, None)
            yield Problem(place=key, what=what, suggestion="Keep it in one file.", file=part.path, line=line, column=column)


def lines_of(parts: Sequence[Part]) -> Lines:
    """Return the spot of every place of the merged document, each with its file."""
    lines: Lines = {}
    counts: dict[str, int] = {}
    for part in parts:
        for place, spot in index(part.text).items():
            lines.setdefault(_moved(place, counts), Spot(spot.line, spot.column, part.path))
        for key, value in part.document.items():
            if isinstance(value, list):
                counts[key] = counts.get(key, 0) + len(value)
    return lines


def _follows(before: Any, value: Any) -> bool:
    return isinstance(before, list) and isinstance(value, list)


def _moved(place: str, counts: dict[str, int]) -> str:
    """Count an item of a list on from those of the files before."""
    return _LISTED.sub(lambda found: f"{found[1]}[{int(found[2]) + counts.get(found[1], 0)}]", place)
