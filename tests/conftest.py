"""What every test can rely on, whoever runs it and however wide the terminal is."""

import pytest


@pytest.fixture(autouse=True)
def _a_terminal_of_a_hundred_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
