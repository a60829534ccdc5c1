"""A serial number decides alone; without one the product does; an address never does."""

from agent.core.identity import compare
from tests.agent.core.looks import plate


def test_same_serial_number_is_the_same_device_whatever_else_changed() -> None:
    before = plate(serial_number="S1", manufacturer_name="Telemecanique")
    assert compare(before, plate(serial_number="S1", manufacturer_name="Schneider Electric")).same


def test_other_serial_number_is_another_device_even_of_the_same_product() -> None:
    decision = compare(
        plate(serial_number="S1", order_code_of_manufacturer="P7"), plate(serial_number="S2", order_code_of_manufacturer="P7")
    )
    assert not decision.same and decision.field == "serial_number"


def test_other_product_without_serial_numbers_is_another_device() -> None:
    decision = compare(plate(order_code_of_manufacturer="P7"), plate(order_code_of_manufacturer="P8"))
    assert not decision.same and decision.field == "order_code_of_manufacturer"


def test_firmware_update_without_serial_numbers_is_the_same_device() -> None:
    assert compare(
        plate(order_code_of_manufacturer="P7", firmware_version="1"), plate(order_code_of_manufacturer="P7", firmware_version="2")
    ).same


def test_field_that_only_one_side_has_decides_nothing() -> None:
    assert compare(plate(manufacturer_name="ACME"), plate(serial_number="S1")).same
