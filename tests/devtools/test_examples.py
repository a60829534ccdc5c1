"""Every example in a docstring of the tools is run, as those of the programs are."""

import doctest
import importlib

import pytest

from devtools.page import ROOT

WITH_EXAMPLES = [f"devtools.{file.stem}" for file in (ROOT / "devtools").glob("*.py") if "\n    >>> " in file.read_text("utf-8")]


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_every_example_of_a_tool_is_true(module: str) -> None:
    results = doctest.testmod(importlib.import_module(module))
    assert results.attempted > 0 and results.failed == 0
