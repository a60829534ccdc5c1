"""Books for tests that must hold whatever keeps them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.isms.stores import PLACES, Both, Place


@pytest.fixture(params=sorted(PLACES))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where books can be opened again and again, once for each kind of store."""
    return PLACES[request.param](tmp_path)


@pytest.fixture
def books(place: Place) -> Iterator[Both]:
    """Books that are open."""
    with place() as opened:
        yield opened
