"""Whose nameplate is whose: one device is the asset, several are its children, and a server's software is never firmware."""

import pytest

from protocols.contract import Confidence, Field
from protocols.opcua.identity import (
    BUILD_NUMBER,
    MANUFACTURER_NAME,
    PRODUCT_NAME,
    PRODUCT_URI,
    SOFTWARE_VERSION,
    Basis,
    Device,
    Identity,
    Origin,
    Value,
    identify,
    nameplate,
)


def value(text: str) -> Value:
    return Value(text=text, raw=text.encode().hex(), source="ns=4;i=1")


def device(key: str = "DeviceSet/PLC_1", **values: str) -> Device:
    return Device(key=key, values={name: value(text) for name, text in values.items()})


BUILD = {PRODUCT_NAME: value("uaServer"), MANUFACTURER_NAME: value("Stack GmbH"), SOFTWARE_VERSION: value("3.1")}
PLC = device(Manufacturer="ACME", SerialNumber="S1", SoftwareRevision="V2.0")


def fields(identity: Identity) -> dict[Field, str]:
    return {fact.field: fact.value for fact in identity.facts}


def test_single_device_is_the_asset_and_the_server_a_component() -> None:
    identity = identify(BUILD, [PLC], speaks_for_others=False)
    assert identity.basis is Basis.DEVICE and identity.children == ()
    assert fields(identity) == {Field.MANUFACTURER_NAME: "ACME", Field.SERIAL_NUMBER: "S1", Field.FIRMWARE_VERSION: "V2.0"}
    assert [(item.name, item.version, item.manufacturer) for item in identity.components] == [("uaServer", "3.1", "Stack GmbH")]


def test_several_devices_are_children() -> None:
    identity = identify(BUILD, [PLC, device("DeviceSet/IO_2", SerialNumber="S2")], speaks_for_others=False)
    assert [child.key for child in identity.children] == ["DeviceSet/PLC_1", "DeviceSet/IO_2"]
    assert identity.basis is Basis.SOFTWARE


def test_single_device_behind_a_server_that_speaks_for_others_is_a_child() -> None:
    identity = identify(BUILD, [PLC], speaks_for_others=True)
    assert [child.key for child in identity.children] == ["DeviceSet/PLC_1"]
    assert Field.SERIAL_NUMBER not in fields(identity)


def test_build_info_gives_no_version_of_the_device_and_is_believed_less() -> None:
    identity = identify(BUILD, [], speaks_for_others=False)
    assert {fact.field: fact.confidence for fact in identity.facts} == {
        Field.MANUFACTURER_NAME: Confidence.MEDIUM,
        Field.MANUFACTURER_PRODUCT_DESIGNATION: Confidence.LOW,
    }


def test_device_without_any_property_of_a_nameplate_does_not_count() -> None:
    folder = device("DeviceSet/Folder", RevisionCounter="-1", SerialNumber="")
    assert identify({}, [PLC, folder], speaks_for_others=False).basis is Basis.DEVICE


def test_server_that_tells_nothing_has_no_nameplate() -> None:
    identity = identify({}, [], speaks_for_others=False)
    assert identity == Identity(basis=Basis.NOTHING, facts=(), components=(), children=())


def test_component_falls_back_to_product_uri_and_build_number() -> None:
    identity = identify({PRODUCT_URI: value("urn:stack"), BUILD_NUMBER: value("77")}, [], speaks_for_others=False)
    assert [(item.name, item.version) for item in identity.components] == [("urn:stack", "77")]


def machine(**values: str) -> Device:
    return Device(key="Machines/Press", values=device(**values).values, origin=Origin.MACHINE)


def test_machine_is_the_asset_only_without_a_device_beside_it() -> None:
    press = machine(SerialNumber="M1", YearOfConstruction="2021")
    alone = identify(BUILD, [press], speaks_for_others=False)
    assert alone.basis is Basis.MACHINE and fields(alone)[Field.YEAR_OF_CONSTRUCTION] == "2021"
    beside = identify(BUILD, [PLC, press], speaks_for_others=False)
    assert beside.basis is Basis.DEVICE and [child.key for child in beside.children] == ["Machines/Press"]


def test_two_machines_or_two_devices_with_a_machine_are_all_children() -> None:
    several = [machine(SerialNumber="M1"), machine(SerialNumber="M2")]
    assert len(identify(BUILD, several, speaks_for_others=False).children) == 2
    mixed = [PLC, device("DeviceSet/IO_2", SerialNumber="S2"), several[0]]
    assert len(identify(BUILD, mixed, speaks_for_others=False).children) == 3


def test_vendors_order_number_fills_in_only_where_the_standards_is_missing() -> None:
    for code, expected in (("6ES7-S", "6ES7-S"), ("", "6ES7-V")):
        facts = nameplate(device(ProductCode=code, OrderNumber="6ES7-V").values)
        assert [(fact.field, fact.value) for fact in facts] == [(Field.ORDER_CODE_OF_MANUFACTURER, expected)]


@pytest.mark.parametrize("maker", ["Beckhoff Automation GmbH & Co. KG", "BECKHOFF"])
def test_beckhoff_device_nodes_are_examples_and_hardly_believed(maker: str) -> None:
    facts = nameplate(device(Manufacturer=maker, SerialNumber="1").values)
    assert {fact.confidence for fact in facts} == {Confidence.LOW}
