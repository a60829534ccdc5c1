"""An item is what the report says, with its history beside it."""

import msgspec

from inventory.item import Item, firmware, product
from tests.inventory.items import FULL, UNSEEN, field


def test_as_json_it_comes_back_as_it_was() -> None:
    for item in (FULL, UNSEEN):
        assert msgspec.json.decode(msgspec.json.encode(item), type=Item) == item


def test_a_product_is_named_by_the_best_word_that_there_is() -> None:
    assert product({"order_code_of_manufacturer": field("750-881"), "manufacturer_product_type": field("881")}) == "881"
    assert product({}) == ""


def test_a_server_without_a_firmware_tells_the_version_of_its_software() -> None:
    assert firmware({"software_version": field("3.4")}) == "3.4"
    assert firmware({"software_version": field("3.4"), "firmware_version": field("1")}) == "1"
