"""The model explains itself: every key is in its docstring, and every range has words."""

from typing import Annotated, get_args, get_origin

import msgspec
import pytest

from config import model

SECTIONS = [
    kind
    for kind in vars(model).values()
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind is not msgspec.Struct
]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_key_is_described_where_it_is_defined(section: type[msgspec.Struct]) -> None:
    for info in msgspec.structs.fields(section):
        assert f"\n        {info.name}: " in (section.__doc__ or ""), info.name


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_range_says_in_words_what_is_expected(section: type[msgspec.Struct]) -> None:
    for info in msgspec.structs.fields(section):
        for kind in (info.type, *get_args(info.type)):
            if get_origin(kind) is Annotated:
                assert kind.__metadata__[0].description, info.name


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_default_is_within_its_own_range(section: type[msgspec.Struct]) -> None:
    for info in msgspec.structs.fields(section):
        if get_origin(info.type) is Annotated and info.default is not msgspec.NODEFAULT:
            assert msgspec.convert(info.default, info.type) == info.default
