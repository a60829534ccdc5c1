"""A header is found where people put it, and each column means one thing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.headings import MAX_HEADER_ROW, WORDS, find_header, plain
from config.model import Asset
from config.tabulate import HEADINGS


def columns(*cells: str) -> dict[str, str]:
    header = find_header([cells])
    return header.titles if header else {}


@pytest.mark.parametrize(
    ("heading", "key"),
    [
        ("IP-Adresse", "host"), ("ip address", "host"), ("Hostname", "host"), ("IPv4", "host"), ("IP / Hostname", "host"),
        ("Unit ID", "unit"), ("UNIT", "unit"), ("Modbus-Adresse", "unit"), ("Geräteadresse", "unit"),
        ("TCP-Port", "port"), ("Port (dez.)", "port"), ("Protokoll", "protocol"), ("Feldbus", "protocol"),
        ("Gerätetyp", "role"), ("Type", "role"), ("Standort / Location", "location"), ("Kritikalität*", "criticality"),
        ("Inventar-Nr.", "register_id"), ("Baudrate [bit/s]", "baud"), ("Parität", "parity"), ("Endpoint URL", "address"),
    ],
)  # fmt: skip
def test_people_write_one_thing_in_many_ways(heading: str, key: str) -> None:
    assert columns("Name", heading, "10.0.0.0" if key == "host" else "IP")[key] == heading


def test_a_plants_own_key_comes_before_a_name_and_a_name_before_a_running_number() -> None:
    assert columns("ID", "Name", "AKZ", "IP")["id"] == "AKZ"
    assert columns("ID", "Name", "IP") == {"id": "Name", "host": "IP"}
    assert columns("ID", "IP") == {"id": "ID", "host": "IP"}


def test_a_name_that_is_no_key_describes() -> None:
    assert columns("AKZ", "Bezeichnung", "IP")["description"] == "Bezeichnung"


def test_an_address_is_the_hosts_unless_there_is_an_ip_column() -> None:
    assert columns("Name", "Adresse")["host"] == "Adresse"
    header = find_header([["Name", "Adresse", "IP"]])
    assert header is not None
    assert (header.titles["host"], header.unknown) == ("IP", ("Adresse",))


def test_what_is_not_known_is_named() -> None:
    header = find_header([["Name", "IP", "MAC", "", "Hersteller"]])
    assert header is not None
    assert header.unknown == ("MAC", "Hersteller")


def test_titles_and_dates_may_stand_above() -> None:
    header = find_header([["Geräteliste", "", ""], ["Stand", "12.03.", ""], [], ["Name", "IP", "Port"], ["a", "10.0.0.1", "502"]])
    assert header is not None
    assert header.row == 3


def test_a_header_may_take_two_rows() -> None:
    header = find_header([["Name", "Netzwerk", "", "Protokoll"], ["", "IP", "Port"], ["a", "10.0.0.1", "502", "Modbus TCP"]])
    assert header is not None
    assert (header.row, header.columns) == (1, {"host": 1, "port": 2, "protocol": 3, "id": 0})


def test_a_first_device_with_empty_cells_is_no_second_row_of_the_header() -> None:
    header = find_header([["Name", "IP", "Typ", "Bereich"], ["", "", "Bus", ""]])
    assert header is not None
    assert header.row == 0


@pytest.mark.parametrize(
    "rows", [[], [[]], [["a", "10.0.0.1"]], [["Name", "Typ", "Standort"]], [["IP"]], [["x"]] * MAX_HEADER_ROW + [["Name", "IP"]]]
)
def test_without_a_name_for_the_place_there_is_no_header(rows: list[list[str]]) -> None:
    assert find_header(rows) is None


def test_our_own_headings_are_understood_each_as_its_key() -> None:
    assert columns(*HEADINGS.values()) == HEADINGS


def test_every_key_of_an_asset_has_words() -> None:
    in_no_list = {"deprecated_policies", "username_file", "user_certificate_file", "user_key_file"}
    assert set(Asset.__struct_fields__) - in_no_list <= set(WORDS)
    assert all(plain(word) == word for words in WORDS.values() for word in words)


@given(
    st.lists(st.lists(st.sampled_from([word for words in WORDS.values() for word in words] + ["", "x"]), max_size=9), max_size=4)
)
def test_no_column_means_two_things(rows: list[list[str]]) -> None:
    header = find_header(rows)
    if header is not None:
        assert len(set(header.columns.values())) == len(header.columns)
        assert {"address", "host", "line"} & header.columns.keys()
