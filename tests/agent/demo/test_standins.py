"""Stand-ins share what their models share, and nothing leads from a rehearsal to the plant."""

from pathlib import Path

import pytest

from agent.demo.scene import Kind
from agent.demo.standins import rehearsal, stand_ins
from config import load as loading
from config.load import load
from config.model import Plant
from config.parse import parse
from config.render import render

PLANTS = sorted((Path(loading.__file__).parent / "plants").glob("*.toml"))


def pointed(plant: Plant) -> Plant:
    addresses = {asset.id: f"modbus-tcp://127.0.1.{number}:1" for number, asset in enumerate(plant.asset, start=1)}
    return rehearsal(
        plant, addresses, state_dir=Path("/var/lib/rehearsal"), broker_port=1883, receiver_key=Path("/etc/rehearsal/isms.jwk")
    )


@pytest.mark.parametrize("file", PLANTS, ids=lambda file: file.stem)
def test_every_example_can_be_rehearsed_under_its_own_ids(file: Path) -> None:
    plant = load(file)
    copy = pointed(plant)
    assert [asset.id for asset in copy.asset] == [part.asset_id for part in stand_ins(plant)] == [one.id for one in plant.asset]
    assert [asset.register_id for asset in copy.asset] == [asset.register_id for asset in plant.asset]
    assert (copy.plant, copy.gateway.id) == (plant.plant, plant.gateway.id)


@pytest.mark.parametrize("file", PLANTS, ids=lambda file: file.stem)
def test_nothing_of_the_plants_networks_is_left_in_it(file: Path) -> None:
    plant = load(file)
    text = render(pointed(plant))
    legend = text.index("[[asset]]\nid") if plant.asset else len(text)
    for asset in plant.asset:
        assert asset.address.host not in text[legend:]
    assert plant.broker.address.host not in text


def test_units_behind_one_gateway_stay_together_and_lines_become_gateways() -> None:
    lines = [
        {"id": "a", "address": "modbus-rtu:///dev/ttyUSB0?unit=1"},
        {"id": "b", "address": "modbus-rtu:///dev/ttyUSB0?unit=2"},
        {"id": "c", "address": "modbus-tcp://10.0.0.1?unit=0"},
        {"id": "d", "address": "modbus-tcp://10.0.0.1:503?unit=0"},
        {"id": "e", "address": "opc.tcp://10.0.0.1"},
    ]
    frame = {"plant": {"id": "p"}, "gateway": {"id": "g"}, "broker": {"url": "mqtts://b"}}
    plant, problems = parse(frame | {"asset": lines}, base=Path("/"))
    assert plant is not None
    assert not problems
    parts = stand_ins(plant)
    assert [part.host for part in parts] == [1, 1, 2, 3, 4]
    assert [part.unit for part in parts] == [1, 2, 0, 0, 1]
    assert [part.kind for part in parts] == [Kind.SERIAL, Kind.SERIAL, Kind.REGULAR, Kind.REGULAR, Kind.OPC_UA]
