"""How large the parts of a body may be: the few forms that all kinds are made of.

Decides bounds and nothing else. Must never be widened for one kind's sake. Importing this module costs no cryptography.
"""

from typing import Annotated, Final

from msgspec import Meta

from evidence.claims import END, Count

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
