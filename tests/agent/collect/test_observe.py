"""From answer to observation: nothing that a device told is lost, and the best source of a field wins."""

import msgspec

from agent.collect.observe import observe
from agent.core.asset import AssetState, after_look
from agent.core.change import changes
from agent.core.observation import MAX_BODY_BYTES, Register, same_content
from protocols.contract import Answer, Child, Component, Fact, Field, Ledger, OfferedEndpoint, Outcome, Posture
from tests.agent.core.looks import moment


def fact(value: str, source: str) -> Fact:
    return Fact(field=Field.FIRMWARE_VERSION, value=value, source=source, raw="00")


def test_everything_that_a_reader_saw_is_in_the_observation() -> None:
    answer = Answer(
        outcome=Outcome.IDENTIFIED,
        detail="It answered.",
        facts=(fact("2.1", "43/14 object 0x02"),),
        components=(Component(name="server", version="7"),),
        children=(Child(key="slot-2", facts=(fact("9", "i=5001"),)),),
        posture=Posture(findings=("anonymous-access",)),
        remarks=("an odd count",),
        ledger=Ledger(connections=1, requests={"43/14": 2}, smallest_gap_ms=251.0),
    )
    look = observe(answer, asset_id="a", address="x", register=Register(role="plc"), now=moment(5))
    assert look.nameplate["firmware_version"].source == "43/14 object 0x02"
    assert look.software_components[0].version == "7"
    assert look.children[0].nameplate["firmware_version"].value == "9"
    assert look.posture is not None and look.posture["findings"] == ["anonymous-access"]
    assert (look.remarks, look.register.role, look.ledger.requests) == (["an odd count"], "plc", {"43/14": 2})


def test_first_source_of_a_field_wins() -> None:
    answer = Answer(outcome=Outcome.IDENTIFIED, detail="", facts=(fact("2.1", "best"), fact("9.9", "second")))
    look = observe(answer, asset_id="a", address="x", register=Register(), now=moment())
    assert look.nameplate["firmware_version"].value == "2.1"


def test_server_that_tells_without_end_still_fits_a_record() -> None:
    child = Child(key="slot", facts=tuple(Fact(field=field, value="v" * 256, source="i=1", raw="ab" * 2000) for field in Field))
    answer = Answer(outcome=Outcome.IDENTIFIED, detail="", facts=(fact("2.1", "best"),), children=(child,) * 64)
    look = observe(answer, asset_id="a", address="x", register=Register(), now=moment())
    assert len(msgspec.json.encode(look)) <= MAX_BODY_BYTES
    assert look.children == [] and "left out" in look.remarks[0]
    assert look.nameplate["firmware_version"].value == "2.1"


def test_look_is_the_same_after_it_was_written_and_read_back() -> None:
    offered = OfferedEndpoint(url="opc.tcp://x", policy="None", mode="None", user_tokens=("anonymous",))
    answer = Answer(
        outcome=Outcome.IDENTIFIED, detail="", facts=(fact("1", "x"),), posture=Posture(offered=(offered,), findings=("a", "b"))
    )
    look = observe(answer, asset_id="a", address="x", register=Register(), now=moment())
    read_back = msgspec.json.decode(msgspec.json.encode(after_look(None, look)), type=AssetState)
    assert changes(read_back, look) == []
    assert same_content(read_back.observation, look)
