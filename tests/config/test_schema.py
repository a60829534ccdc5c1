"""The schema says what the model says, and the committed one is current."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config import schema
from config.model import Asset, CollectSection, Plant

ROOT = Path(schema.__file__).parent
PLANTS = sorted((ROOT / "plants").glob("*.toml"))


def tables(form: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every table of a schema."""
    if form.get("type") == "object":
        yield form
    for inner in (*form.get("properties", {}).values(), *([form["items"]] if "items" in form else [])):
        yield from tables(inner)


KINDS = {"object": dict, "array": list, "string": str, "integer": int, "number": int | float, "boolean": bool}


def mistakes(form: dict[str, Any], value: Any) -> list[str]:
    """What a schema of our few keywords says against a value: a validator as small as they are."""
    if not isinstance(value, KINDS[form["type"]]):
        return [f"{value!r} is no {form['type']}"]
    match value:
        case dict():
            missing = [f"{key} is missing" for key in form["required"] if key not in value]
            unknown = [f"{key} is unknown" for key in value if key not in form["properties"]]
            known = [key for key in value if key in form["properties"]]
            return missing + unknown + [what for key in known for what in mistakes(form["properties"][key], value[key])]
        case list():
            return [what for item in value for what in mistakes(form["items"], item)]
        case bool():
            fits = True
        case str():
            fits = re.search(form.get("pattern", ""), value) and form.get("minLength", 0) <= len(value) <= form.get(
                "maxLength", 9999
            )
        case _:
            fits = form["minimum"] <= value <= form["maximum"]
    return [] if fits else [f"{value!r} does not fit {form}"]


def test_the_committed_schema_is_what_the_model_says() -> None:
    assert (ROOT / "plant.schema.json").read_text("utf-8") == schema.text(), (
        "run: python -m config.schema > config/plant.schema.json"
    )


def test_every_table_is_there_with_all_its_keys_each_explained() -> None:
    found = list(tables(schema.schema()))
    assert len(found) == len(msgspec.structs.fields(Plant)) + 2
    assert all(form["additionalProperties"] is False and form["description"] for form in found)
    assert all(key["description"] for form in found for key in form["properties"].values())
    assert list(found[-1]["properties"]) == [info.name for info in msgspec.structs.fields(Asset)]


def test_ranges_defaults_and_required_keys_are_those_of_the_model() -> None:
    collect = schema.schema()["properties"]["collect"]
    gap = collect["properties"]["gap_ms"]
    assert (gap["type"], gap["minimum"], gap["maximum"], gap["default"]) == ("integer", 0, 60_000, CollectSection().gap_ms)
    assert "a whole number of milliseconds" in gap["description"]
    assert (schema.schema()["if"], schema.schema()["then"]) == (
        {"required": ["plant"]},
        {"required": ["plant", "gateway", "broker"]},
    )


def test_no_pattern_speaks_the_dialect_of_python() -> None:
    patterns = re.findall(r'"pattern": "(.*)"', schema.text())
    assert patterns
    assert not [pattern for pattern in patterns if r"\\A" in pattern or r"\\Z" in pattern or not pattern.startswith("^")]


@pytest.mark.parametrize("file", PLANTS, ids=lambda file: file.stem)
def test_every_shipped_example_names_the_schema_and_keeps_it(file: Path) -> None:
    text = file.read_text("utf-8")
    named = re.match(r"#:schema (\S+)\n", text)
    assert named
    assert mistakes(json.loads((file.parent / named[1]).read_text("utf-8")), tomllib.loads(text)) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [("address", "10.0.0.1"), ("id", "Press 7"), ("security", "maximum"), ("rolle", "plc"), ("role", 7), ("register_id", "")],
)
def test_an_editor_sees_what_is_wrong_with_an_asset(key: str, value: object) -> None:
    items = schema.schema()["properties"]["asset"]["items"]
    good: dict[str, Any] = {"id": "a", "address": "modbus-tcp://h"}
    assert mistakes(items, good) == []
    assert mistakes(items, good | {key: value})
