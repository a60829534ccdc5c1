"""Every example in a docstring is run: what a page of code shows is what it does."""

import doctest
import importlib

import pytest

from tests.architecture.sources import PACKAGES, modules

WITH_EXAMPLES = [
    name.removesuffix(".py").replace("/", ".")
    for name, source, _ in modules(*PACKAGES)
    if "\n    >>> " in source or "\n>>> " in source
]


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_every_example_of_a_module_is_true(module: str) -> None:
    results = doctest.testmod(importlib.import_module(module.removesuffix(".__init__")))
    assert results.attempted > 0
    assert results.failed == 0
