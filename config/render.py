"""A plant becomes the text of a plant file, explained key by key.

Decides how a plant file looks that this program writes. Never loses or changes a value: `parse(render(plant)) == plant`. What
has its default stands commented out, so that a later default still reaches the plant; the explanations are the model's own.
"""

import json
import textwrap
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from config import explain
from config.model import Asset, Plant, ReceiverSection

WIDTH = 110  # columns of a comment


def render(plant: Plant) -> str:
    """Return the plant file of a plant.

    >>> from config.model import BrokerSection, GatewaySection, PlantSection
    >>> site, machine = PlantSection(id="werk-ulm"), GatewaySection(id="gw-1")
    >>> "[plant]" in render(Plant(plant=site, gateway=machine, broker=BrokerSection(url="mqtts://isms.example")))
    True
    """
    return "\n".join(_lines(plant)) + "\n"


def _lines(plant: Plant) -> Iterator[str]:
    yield from _comment("A plant file. What is commented out is the default. Look at it with: nameplated check FILE --plan")
    for info in msgspec.structs.fields(Plant):
        section = getattr(plant, info.name)
        if info.name == "asset":
            continue
        yield ""
        yield from _absent_receiver() if section is None else _section(info.name, section)
    yield ""
    yield from _legend()
    for asset in plant.asset:
        yield ""
        yield "[[asset]]"
        yield from (_key(name, value) for name, value in _set(asset))


def _section(name: str, section: Struct) -> Iterator[str]:
    """One table with every key that it may have, each below its explanation."""
    explained = explain.keys(type(section))
    yield from _comment(_sentence(type(section)))
    yield f"[{name}]"
    given = dict(_set(section))
    for info in msgspec.structs.fields(type(section)):
        yield from _comment(explained.get(info.name, ""))
        value = getattr(section, info.name)
        if isinstance(value, tuple):
            yield from _tables(f"{name}.{info.name}", value)
        elif info.name in given:
            yield _key(info.name, value)
        else:
            yield f'# {info.name} = "…"' if value is None else f"# {_key(info.name, value)}"


def _tables(name: str, tables: tuple[Struct, ...]) -> Iterator[str]:
    """Tables of one kind inside of a section; they come last in it."""
    for table in tables:
        yield f"[[{name}]]"
        yield from (_key(key, value) for key, value in _set(table))
    if not tables:
        yield f"# [[{name}]]"


def _absent_receiver() -> Iterator[str]:
    yield from _comment(_sentence(ReceiverSection))
    yield "# [receiver]"
    yield from _comment(explain.keys(ReceiverSection).get("key_file", ""))
    yield '# key_file = "isms.jwk"'


def _legend() -> Iterator[str]:
    """What an asset may say, once, above the first one."""
    yield from _comment(f"[[asset]]: {explain.summary(Asset)}.")
    for name, text in explain.keys(Asset).items():
        yield from _comment(f"  {name}: {text}", hanging="      ")
    yield from _comment("Addresses:")
    yield from (f"#   {example}" for example in explain.ADDRESSES)


def _set(section: Struct) -> Iterator[tuple[str, Any]]:
    """The keys of a table that must be written: those that are required, and those that differ from their default."""
    for info in msgspec.structs.fields(type(section)):
        value = getattr(section, info.name)
        if info.required or value != info.default:
            yield info.encode_name, value


def _sentence(section: type[Struct]) -> str:
    first, rest = explain.summary(section)[:1], explain.summary(section)[1:]
    return f"{first.upper()}{rest}."


def _key(name: str, value: Any) -> str:
    """One key as TOML. JSON's strings are TOML's, once nothing but characters that may stand for themselves is left in them."""
    plain = value if isinstance(value, int | float) else str(value)
    return f"{name} = {json.dumps(plain, ensure_ascii=False)}"


def _comment(text: str, *, hanging: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="# ", subsequent_indent=f"# {hanging}", break_on_hyphens=False)
