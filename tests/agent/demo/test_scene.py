"""The cast: a plant file that the gateway takes as it is, with enough kinds of devices to be worth watching."""

from pathlib import Path

from agent.demo.scene import CAST, GATEWAY, PLANT, Kind, plant_file
from agent.demo.script import Act, script
from config.load import load


def addresses() -> dict[str, str]:
    return {
        part.asset_id: f"opc.tcp://127.0.1.{part.host}:4840"
        if part.kind.is_opcua
        else f"modbus-tcp://127.0.1.{part.host}:502?unit={part.unit}"
        for part in CAST
    }


def test_plant_file_names_every_part_and_has_no_problem(tmp_path: Path) -> None:
    file = tmp_path / "plant.toml"
    state = tmp_path / 'a "quoted" folder'
    file.write_text(plant_file(addresses(), state_dir=str(state), broker_port=1883, receiver_key=str(tmp_path / "isms.jwk")))
    plant = load(file)
    assert [asset.id for asset in plant.asset] == [part.asset_id for part in CAST]
    assert (plant.plant.id, plant.gateway.id, plant.gateway.state_dir) == (PLANT, GATEWAY, state)


def test_every_kind_of_device_is_on_stage() -> None:
    assert {part.kind for part in CAST} == set(Kind)
    assert len({part.host for part in CAST}) >= 8


def test_script_changes_firmware_that_a_device_really_has() -> None:
    says = {part.asset_id: part.says for part in CAST}
    updates = [cue for cue in script(60) if cue.act is Act.UPDATE]
    assert [says[cue.asset_id]["firmware_version"] for cue in updates] == [cue.before for cue in updates]


def test_assets_behind_one_gateway_differ_by_unit_id() -> None:
    assert len({(part.host, part.unit) for part in CAST}) == len(CAST)
