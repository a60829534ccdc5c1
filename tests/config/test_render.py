"""What is written is the plant, explained; nothing is lost and nothing is added."""

import tomllib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings

from config import explain
from config import render as module
from config.address import Address
from config.load import load
from config.model import Asset, BrokerSection, CollectSection, GatewaySection, MaintenanceSection, Plant, PlantSection
from config.parse import parse
from config.render import render
from tests.config.test_parse import BASE, plants
from tests.effort import examples

PLANTS = sorted((Path(module.__file__).parent / "plants").glob("*.toml"))
SMALL = Plant(plant=PlantSection(id="p"), gateway=GatewaySection(id="g"), broker=BrokerSection(url="mqtts://b"))


@settings(deadline=None, max_examples=examples(40))
@given(plants)
def test_every_plant_is_read_as_it_was_written(plant: Plant) -> None:
    assert parse(tomllib.loads(render(plant)), base=BASE) == (plant, [])


@pytest.mark.parametrize("file", PLANTS, ids=lambda file: file.stem)
def test_every_shipped_example_survives_being_written_anew(file: Path) -> None:
    plant = load(file)
    assert parse(tomllib.loads(render(plant)), base=BASE) == (plant, [])


def test_what_has_its_default_stands_commented_out_with_its_explanation() -> None:
    text = render(SMALL)
    assert "# Least pause between an answer and the next request. Default: 250.\n# gap_ms = 250\n" in text
    changed = render(msgspec.structs.replace(SMALL, collect=CollectSection(gap_ms=500)))
    assert "\ngap_ms = 500\n" in changed and "# gap_ms" not in changed


def test_every_key_of_every_section_is_shown() -> None:
    text = render(SMALL)
    for info in msgspec.structs.fields(CollectSection):
        assert f"\n# {info.name} = " in text or f"\n# [[collect.{info.name}]]" in text


def test_maintenance_windows_are_written_as_they_are_read() -> None:
    window = MaintenanceSection(days="mon-fri", from_="06:00", to="14:00", timezone="Europe/Berlin")
    text = render(msgspec.structs.replace(SMALL, collect=CollectSection(maintenance=(window,))))
    again, problems = parse(tomllib.loads(text), base=Path("/etc"))
    assert problems == [] and again is not None and again.collect.maintenance == (window,)


def test_a_section_that_is_not_there_is_shown_as_one_could_write_it() -> None:
    assert "# [receiver]\n# Public key of the receiver" in render(SMALL)
    shown = render(SMALL).replace("# [receiver]", "[receiver]").replace('# key_file = "isms.jwk"', 'key_file = "isms.jwk"')
    plant, _ = parse(tomllib.loads(shown), base=BASE)
    assert plant is not None and plant.receiver is not None
    assert plant.receiver.key_file == BASE / "isms.jwk"


def test_an_asset_says_no_more_than_it_must() -> None:
    asset = Asset(id="a", address=Address.parse("modbus-tcp://h"), role='pump "7"')
    text = render(msgspec.structs.replace(SMALL, asset=(asset,)))
    assert text.endswith('[[asset]]\nid = "a"\naddress = "modbus-tcp://h:502?unit=1"\nrole = "pump \\"7\\""\n')


def test_the_addresses_of_the_legend_are_addresses() -> None:
    assert len({Address.parse(text).scheme for text in explain.ADDRESSES}) == 4


def test_no_comment_is_wider_than_a_page() -> None:
    assert max(map(len, render(SMALL).splitlines())) <= module.WIDTH
