"""The document is valid CycloneDX 1.6, says what was seen and how that is known, and is the same for the same items."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.kinds import NameplateField
from inventory.cyclonedx import document
from inventory.item import Item
from tests.effort import examples
from tests.inventory.items import FULL, HOSTILE, UNSEEN
from tests.inventory.strict import complaint

AT, SERIAL = datetime(2026, 11, 22, 12, tzinfo=UTC), UUID(int=7)


def made(*items: Item) -> str:
    return document(items, at=AT, serial=SERIAL, version="0.1.0")


def properties(component: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["value"] for one in component["properties"]}


@pytest.fixture(scope="module")
def bom() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(made(FULL, UNSEEN))
    return found


def test_it_holds_against_the_strict_schema() -> None:
    assert complaint(made(FULL, UNSEEN)) is None
    assert complaint(made()) is None


def test_its_number_and_its_time_are_the_callers(bom: dict[str, Any]) -> None:
    assert (bom["specVersion"], bom["serialNumber"]) == ("1.6", f"urn:uuid:{SERIAL}")
    assert bom["metadata"]["timestamp"].startswith("2026-11-22T12:00:00")
    assert bom["metadata"]["lifecycles"] == [{"phase": "discovery"}]
    assert made(FULL, UNSEEN) == made(UNSEEN, FULL)


def test_a_device_holds_its_firmware_its_software_and_what_is_behind_it(bom: dict[str, Any]) -> None:
    device = bom["components"][0]
    assert (device["type"], device["name"], device["version"]) == ("device", HOSTILE, "B")
    assert device["manufacturer"] == {"name": "ACME, Ltd."}
    inside = {part["type"]: part for part in device["components"]}
    assert (inside["firmware"]["version"], inside["application"]["name"]) == ("2.2", "runtime")
    assert inside["device"]["name"] == "slot 2"
    assert inside["device"]["components"][0]["version"] == "1.0"


def test_every_field_says_how_it_is_known(bom: dict[str, Any]) -> None:
    evidence = bom["components"][0]["evidence"]
    told = {one["symbol"]: one for one in evidence["occurrences"]}
    assert told.keys() == FULL.nameplate.keys()
    assert {one["location"] for one in told.values()} == {FULL.address}
    assert told["serial_number"]["additionalContext"] == "FC3 0x2012+3: 2d34373131, read by acme@1; confidence low"
    (firmware,) = [part for part in bom["components"][0]["components"] if part["type"] == "firmware"]
    (version,) = firmware["evidence"]["identity"]
    assert (version["field"], version["confidence"], version["methods"][0]["technique"]) == ("version", 0.6, "dynamic-analysis")


def test_what_has_no_place_of_its_own_is_a_property(bom: dict[str, Any]) -> None:
    told = properties(bom["components"][0])
    assert told["cdx:device:serialNumber"] == told["nameplated:nameplate:serial_number"] == "-4711"
    assert (told["nameplated:asset_id"], told["nameplated:location"]) == ("press-07", "Halle 3; Straße 2")


def test_an_asset_that_nobody_has_seen_is_there_all_the_same(bom: dict[str, Any]) -> None:
    device = bom["components"][1]
    assert (device["name"], "evidence" in device, "version" in device) == ("scale-9", False, False)
    assert properties(device)["nameplated:outcome"] == "not asked yet"


@settings(max_examples=examples(20), deadline=None)
@given(st.text(max_size=200), st.text(max_size=200), st.sampled_from(["high", "low", "certainly"]))
def test_nothing_that_a_device_says_makes_it_invalid(value: str, source: str, confidence: str) -> None:
    names = ("manufacturer_name", "manufacturer_product_designation", "serial_number", "hardware_version", "firmware_version")
    told = NameplateField(value=value, source=source, raw="00", confidence=confidence)
    assert complaint(made(msgspec.structs.replace(FULL, nameplate=dict.fromkeys(names, told)))) is None
