"""A plant of three assets and what collect has left of it: one seen and changed, one that never answered, one not asked."""

from pathlib import Path

import msgspec

from agent.collect.records import draft
from agent.core.asset import AssetState, after_look
from agent.core.change import changes
from agent.core.observation import Child, Component, FieldValue, Observation
from agent.core.schedule import Rhythm, next_turn
from agent.wiring import Places
from buffer.journal import Journal
from buffer.record import Draft, State
from config.load import load
from tests.agent.core.looks import look, moment, plate

PLANT = """[plant]
id = "werk-ulm"
[gateway]
id = "gw-halle3"
state_dir = "state"
[broker]
url = "mqtts://b"
[[asset]]
id = "press-07"
address = "modbus-tcp://10.20.0.7:502?unit=1"
role = "plc"
location = "Hall 3; line 2"
register_id = "ISMS-4711"
[[asset]]
id = "scale-9"
address = "modbus-tcp://10.20.0.9:502?unit=1"
[[asset]]
id = "mixer-2"
address = "opc.tcp://10.20.0.21:4840"
"""


def plant_in(folder: Path) -> Path:
    path = folder / "plant.toml"
    path.write_text(PLANT)
    return path


def pressed(firmware: str, *, at_s: float, maker: str = "ACME") -> Observation:
    told = plate(manufacturer_name=maker, firmware_version=firmware)
    told["order_code_of_manufacturer"] = FieldValue(
        value="750-881", source="FC3 0x2011+1", raw="02ee0371", profile="wago-750@1", confidence="medium"
    )
    return look(
        at_s=at_s,
        nameplate=told,
        detail=f"It says of itself: {maker}.",
        children=[Child(key="slot 2", nameplate=plate(serial_number="S9"))],
        software_components=[Component(name="runtime", version="3.5", source="i=2260")],
        posture={"findings": ["no-security"]},
        remarks=["an odd count"],
    )


def fill(file: Path, *, maker: str = "ACME") -> None:
    """Leave behind what collect would after three looks."""
    first, second = pressed("2.1", at_s=0, maker=maker), pressed("2.2", at_s=3600, maker=maker)
    seen = after_look(None, first)
    silent = look("silent", asset_id="scale-9", detail="No answer within 3 s: check the unit id.", at_s=3600)
    drafts = [draft("change", "press-07", change, first.observed_at) for change in changes(None, first)]
    drafts += [draft("observation", "press-07", second, second.observed_at)]
    drafts += [draft("change", "press-07", change, second.observed_at) for change in changes(seen, second)]
    drafts += [Draft(kind="change", subject="press-07", at=first.observed_at, body=b"{}")]
    states = {"press-07": after_look(seen, second), "scale-9": after_look(None, silent)}
    with Journal.open(Places(load(file)).journal, max_bytes=1 << 22) as journal:
        journal.append(drafts, [entry for name, state in states.items() for entry in entries(name, state)])


def entries(name: str, state: AssetState) -> list[State]:
    now = moment(3600)
    turn = next_turn(None, state.observation.outcome, (), rhythm=Rhythm(), now=now, chance=0.5)
    return [
        State(kind="asset", subject=name, at=now.text, body=msgspec.json.encode(state)),
        State(kind="endpoint", subject=name, at=now.text, body=msgspec.json.encode(turn)),
    ]
