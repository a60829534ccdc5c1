"""How large the parts of a body may be: the few forms that all kinds are made of.

Decides bounds and nothing else, also of what has no form of its own. Must never be widened for one kind's sake. Importing this module costs no cryptography.
"""

from typing import Annotated, Final

from msgspec import Meta

from evidence.claims import END, MAX_INTEGER, Count

MAX_ASSETS: Final = 10_000

Id = Annotated[str, Meta(min_length=1, max_length=128)]
Word = Annotated[str, Meta(max_length=64)]
Text = Annotated[str, Meta(max_length=1024)]
Hex = Annotated[str, Meta(pattern=r"^([0-9a-f]{2})*" + END, max_length=16_384)]
Instant = Annotated[
    str,
    Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|\+00:00)" + END, max_length=35),
]
Milliseconds = Annotated[float, Meta(ge=0)]
Requests = Annotated[dict[Word, Count], Meta(max_length=64)]
"""Requests by function code (`"43/14"`) or service (`"Read"`)."""

MAX_NESTING: Final = 32
"""Levels of lists and objects in what has no form of its own. Every reader manages these; beyond some hundred, not every one does."""


def is_plain(value: object, levels: int = MAX_NESTING) -> bool:
    """Tell whether something that has no form of its own is still JSON that every reader reads alike.

    That is: nested no deeper than `levels`, and no whole number beyond what every JSON reader keeps exact.

    >>> is_plain({"policies": ["Basic256Sha256"], "days": 30}), is_plain([[[]]], levels=2), is_plain(2**53)
    (True, False, False)
    """
    match value:
        case dict():
            return levels > 0 and all(is_plain(part, levels - 1) for part in value.values())
        case list():
            return levels > 0 and all(is_plain(part, levels - 1) for part in value)
        case int():
            return abs(value) <= MAX_INTEGER
        case _:
            return True
