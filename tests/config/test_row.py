"""One row is one device, or a sentence; what is not said is not guessed."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.address import Address, AddressError
from config.row import PROTOCOLS, UnusableRowError, asset_id, devices


def device(**cells: str) -> dict[str, str]:
    (only,) = devices({"id": "a", **cells}, expand_ranges=False)
    return only


def refusal(**cells: str) -> str:
    with pytest.raises(UnusableRowError) as caught:
        device(**cells)
    return str(caught.value)


@pytest.mark.parametrize(
    ("cells", "address"),
    [
        ({"host": "10.0.0.1", "protocol": "Modbus TCP"}, "modbus-tcp://10.0.0.1"),
        ({"host": "10.0.0.1", "protocol": "modbus"}, "modbus-tcp://10.0.0.1"),
        ({"host": "10.0.0.1:1502", "protocol": "Modbus/TCP", "unit": "3"}, "modbus-tcp://10.0.0.1:1502?unit=3"),
        ({"host": "[::1]:502", "protocol": "Modbus TCP"}, "modbus-tcp://[::1]:502"),
        ({"host": "fe80::7", "port": "502"}, "modbus-tcp://[fe80::7]:502"),
        ({"host": "plc", "port": "4840", "unit": "1"}, "opc.tcp://plc:4840"),
        ({"host": "plc", "protocol": "OPC UA", "path": "UA"}, "opc.tcp://plc/UA"),
        ({"host": "x", "address": "opc.tcp://plc:4841", "protocol": "Modbus TCP"}, "opc.tcp://plc:4841"),
        ({"host": "/dev/ttyUSB0", "protocol": "RTU", "unit": "7"}, "modbus-rtu:///dev/ttyUSB0?unit=7"),
        ({"line": "/dev/ttyUSB0", "protocol": "Modbus", "parity": "none"}, "modbus-rtu:///dev/ttyUSB0?parity=N"),
    ],
)
def test_what_a_row_says_becomes_an_address(cells: dict[str, str], address: str) -> None:
    assert device(**cells)["address"] == address


@pytest.mark.parametrize("word", ["Modbus", "Modbus RTU", "RTU"])
def test_a_gateway_that_could_be_of_two_kinds_is_asked_about(word: str) -> None:
    assert "two things" in refusal(host="10.0.0.9", port="4001", protocol=word)


@pytest.mark.parametrize(
    ("cells", "word"),
    [
        ({}, "no address"),
        ({"line": "COM3", "protocol": "RTU"}, "Windows"),
        ({"host": "COM3", "protocol": "RTU"}, "Windows"),
        ({"line": "RS485", "protocol": "RTU"}, "no address"),
        ({"host": "10.0.0.1"}, "no protocol"),
        ({"host": "10.0.0.1", "port": "80"}, "no protocol"),
        ({"host": "10.0.0.1", "protocol": "S7"}, "'S7' is not one that is read"),
        ({"host": "10.0.0.0/24", "protocol": "OPC UA"}, "not the address of one device"),
        ({"line": "/dev/ttyS0", "protocol": "OPC UA"}, "needs an IP address"),
        ({"id": ""}, "no name"),
        ({"id": "???", "host": "h", "protocol": "OPC UA"}, "letter"),
    ],
)
def test_what_is_not_said_is_not_guessed(cells: dict[str, str], word: str) -> None:
    assert word in refusal(**cells)


@pytest.mark.parametrize("text", ["10.0.0.1-3", "10.0.0.1 - 10.0.0.3", "10.0.0.1..3", "10.0.0.1 bis 3", "10.0.0.1\u20133"])
def test_a_range_is_devices_only_on_request(text: str) -> None:
    cells = {"id": "m", "host": text, "protocol": "OPC UA"}
    assert "range of 3" in refusal(**cells)
    expanded = list(devices(cells, expand_ranges=True))
    assert [one["id"] for one in expanded] == ["m-1", "m-2", "m-3"]
    assert [one["address"] for one in expanded] == [f"opc.tcp://10.0.0.{n}" for n in (1, 2, 3)]


@pytest.mark.parametrize("text", ["10.0.0.3-3", "10.0.0.3-1", "10.0.0.1-256", "10.0.0.1-999"])
def test_a_range_that_is_none_is_refused_also_on_request(text: str) -> None:
    with pytest.raises(UnusableRowError, match="not a range"):
        list(devices({"id": "m", "host": text, "protocol": "OPC UA"}, expand_ranges=True))


def test_a_name_that_cannot_be_an_id_is_kept_in_the_description() -> None:
    found = device(id="Förderer 7", host="h", protocol="OPC UA", description="neu")
    assert (found["id"], found["description"]) == ("foerderer-7", "Förderer 7: neu")
    assert "description" not in device(id="Press-07", host="h", protocol="OPC UA")


@pytest.mark.parametrize(("said", "meant"), [("ja", True), ("X", True), ("no", False), ("vielleicht", "vielleicht")])
def test_a_switch_is_on_or_off_or_left_to_be_refused(said: str, meant: object) -> None:
    assert device(host="h", protocol="OPC UA", deprecated_policies=said)["deprecated_policies"] == meant


def test_names_of_protocols_are_in_the_form_that_they_are_compared_in() -> None:
    assert all(word.isalnum() and word == word.lower() for word in PROTOCOLS)


@given(st.text(max_size=70))
def test_any_name_becomes_an_id_once_and_for_all(name: str) -> None:
    assert asset_id(asset_id(name)) == asset_id(name)


keys = st.sampled_from(["id", "address", "host", "port", "unit", "protocol", "line", "baud", "parity", "path"])
words = st.sampled_from(["10.0.0.1", "Modbus TCP", "OPC UA", "RTU", "502", "1", "/dev/ttyS0", "a", "://", "?unit=1", "[", "@"])


@given(st.dictionaries(keys, words | st.text(max_size=12), max_size=10), st.booleans())
def test_any_row_is_devices_or_a_sentence(cells: dict[str, str], expand: bool) -> None:
    try:
        found = list(devices(cells, expand_ranges=expand))
    except UnusableRowError as error:
        found, sentence = [], str(error)
    else:
        sentence = ""
    assert found or sentence.endswith(".")
    for one in found:
        with contextlib.suppress(AddressError):  # the plant file's own rules say the rest
            Address.parse(one["address"])
