"""What every test can rely on, whoever runs it and however wide the terminal is."""

import gc

import pytest
from hypothesis import settings

from tests.effort import examples

settings.register_profile("nameplated", max_examples=examples(50))
settings.load_profile("nameplated")


def pytest_collection_finish() -> None:
    """Let the garbage collector look at what tests make, and not at five thousand tests again and again.

    It made a third of what the tests of OPC UA take of a processor: 100 s, and 67 without.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(autouse=True)
def _a_terminal_of_a_hundred_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
