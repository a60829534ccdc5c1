"""How long the property tests look: a little in `make test`, much longer in the part `models` of the fault campaign.

Decides how many examples there are, and nothing else: a test says how many it has time for, and `EFFORT` multiplies that.
"""

import os
from typing import Final

EFFORT: Final = int(os.environ.get("EFFORT", "1"))


def examples(few: int) -> int:
    """Return how many examples a property gets, where `make test` has time for `few`."""
    return few * EFFORT
