"""What is worth reporting between two looks, and what is not."""

from agent.core.asset import AssetState, after_look
from agent.core.change import Change, ChangeKind, changes
from agent.core.observation import CUT_SHORT, Child, Component, Observation
from protocols import contract
from tests.agent.core.looks import look, plate


def believed(*looks: Observation) -> AssetState:
    state = None
    for seen in looks:
        state = after_look(state, seen)
    assert state is not None
    return state


def told(found: list[Change]) -> list[tuple[str, str, str, str]]:
    return [(change.change.value, change.field, change.before, change.after) for change in found]


def test_first_nameplate_is_reported_with_its_title() -> None:
    assert told(changes(None, look())) == [("first-seen", "", "", "ACME 2.1")]


def test_asset_that_never_answered_is_no_change() -> None:
    assert changes(None, look("silent")) == []
    assert changes(believed(look("silent")), look("unreachable")) == []


def test_late_first_nameplate_is_first_seen() -> None:
    assert told(changes(believed(look("silent")), look()))[0][0] == "first-seen"


def test_same_nameplate_is_no_change() -> None:
    assert changes(believed(look()), look(at_s=60)) == []


def test_firmware_update_is_a_change_of_the_same_device() -> None:
    updated = look(nameplate=plate(manufacturer_name="ACME", firmware_version="2.2"))
    assert told(changes(believed(look()), updated)) == [("changed", "firmware_version", "2.1", "2.2")]


def test_what_a_look_that_was_cut_short_did_not_get_to_is_no_change() -> None:
    whole = look(nameplate=plate(manufacturer_name="ACME", firmware_version="2.1", serial_number="S1"))
    cut = look(nameplate=plate(manufacturer_name="ACME"), remarks=[CUT_SHORT])
    assert changes(believed(whole), cut) == []
    assert changes(believed(whole, cut), whole) == []


def test_what_a_look_that_was_cut_short_did_see_is_a_change() -> None:
    whole = look(nameplate=plate(manufacturer_name="ACME", firmware_version="2.1", serial_number="S1"))
    cut = look(nameplate=plate(manufacturer_name="ACME", firmware_version="2.2"), remarks=[CUT_SHORT])
    assert told(changes(believed(whole), cut)) == [("changed", "firmware_version", "2.1", "2.2")]
    other = look(nameplate=plate(manufacturer_name="Nordlicht"), remarks=[CUT_SHORT])
    assert {change.change for change in changes(believed(whole), other)} == {ChangeKind.REPLACED}
    assert changes(believed(whole, other), other) == []


def test_reader_and_core_mean_the_same_remark() -> None:
    assert CUT_SHORT == contract.CUT_SHORT


def test_other_serial_number_is_a_replaced_device() -> None:
    old, new = (look(nameplate=plate(serial_number=number, firmware_version="2.1")) for number in ("S1", "S2"))
    assert told(changes(believed(old), new)) == [("replaced", "serial_number", "S1", "S2")]


def test_device_that_falls_silent_is_lost_once() -> None:
    state = believed(look())
    assert told(changes(state, look("silent"))) == [("lost", "outcome", "identified", "silent")]
    assert changes(after_look(state, look("silent")), look("unreachable")) == []


def test_device_that_comes_back_updated_is_returned_and_changed() -> None:
    back = look(nameplate=plate(manufacturer_name="ACME", firmware_version="3.0"))
    found = told(changes(believed(look(), look("silent")), back))
    assert found == [("returned", "outcome", "silent", "identified"), ("changed", "firmware_version", "2.1", "3.0")]


def test_device_that_refuses_is_there_and_changed() -> None:
    assert told(changes(believed(look()), look("refused"))) == [("changed", "outcome", "identified", "refused")]


def test_component_with_another_version_is_a_change() -> None:
    old, new = (look(software_components=[Component(name="server", version=version)]) for version in ("1", "2"))
    assert told(changes(believed(old), new)) == [("changed", "software_components/server", "1", "2")]


def test_child_with_another_firmware_is_a_change_of_that_child() -> None:
    old, new = (look(children=[Child(key="slot-2", nameplate=plate(firmware_version=version))]) for version in ("1", "2"))
    assert told(changes(believed(old), new)) == [("changed", "children/slot-2/firmware_version", "1", "2")]


def test_children_are_not_lost_with_a_failed_look() -> None:
    state = believed(look(children=[Child(key="slot-2", nameplate=plate(firmware_version="1"))]))
    assert [change.change for change in changes(state, look("silent"))] == [ChangeKind.LOST]


def test_other_posture_is_reported_and_a_look_without_one_says_nothing() -> None:
    state = believed(look(posture={"findings": ["anonymous-access"]}))
    assert told(changes(state, look(posture={"findings": []}))) == [("posture-changed", "posture", "anonymous-access", "")]
    assert changes(state, look(posture=None)) == []
