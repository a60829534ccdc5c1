"""The tree of errors: its docstring is the truth, and its root says nothing by itself."""

import inspect

import pytest

from evidence import errors


def test_the_root_cannot_be_raised() -> None:
    with pytest.raises(TypeError):
        errors.EvidenceError("x")


def test_every_error_stands_in_the_tree_of_the_docstring() -> None:
    leaves = [name for name, value in inspect.getmembers(errors, inspect.isclass) if value is not errors.EvidenceError]
    assert errors.__doc__
    assert len(leaves) == 9
    assert all(f"── {name}" in errors.__doc__ and issubclass(getattr(errors, name), errors.EvidenceError) for name in leaves)
