"""A recording holds the device and not the plant: for every family that is shipped, and for what a user may have written."""

import pytest

from agent.record.recording import plate, replay
from agent.record.redact import RedactionError, redact
from protocols.profile import bundled, parse
from tests.protocols.test_profile import ASKED, GOLDEN, SOUND
from tests.protocols.test_profile import replay as replay_golden


def exchanges_of(name: str) -> list[tuple[str, str]]:
    _, asked = replay_golden(ASKED[name], GOLDEN[name])
    return [(request, GOLDEN[name]["exchange"][request]) for request in asked]


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_every_family_is_recognised_after_redaction_and_its_serial_number_is_gone(name: str) -> None:
    exchanges, profile = exchanges_of(name), bundled()[name]
    before, _ = replay(exchanges, profile)
    kept, redacted = redact(exchanges, profile)
    after, asked = replay(kept, profile)
    secrets = [fact for each in (before, *before.children) for fact in each.facts if fact.field == "serial_number"]
    assert asked == len(kept) and [fact.source for fact in after.facts] == [fact.source for fact in before.facts]
    assert len([word for word in redacted if "serial_number" in word]) == len(secrets)
    everything = "".join(answer for _, answer in kept)
    for fact in secrets:
        assert fact.value not in plate(after).values()
        assert fact.raw not in everything and fact.value.encode().hex() not in everything
    same = {field: value for field, value in plate(before).items() if field != "serial_number"}
    assert {field: value for field, value in plate(after).items() if field != "serial_number"} == same


def test_names_that_users_give_and_objects_that_nobody_knows_are_taken_out() -> None:
    page = "2b0e0282000005" + "000441434d45" + "01025037" + "0203322e31" + "0604" + b"Ulm1".hex() + "8003" + b"abc".hex()
    kept, redacted = redact([("2b0e0200", page)], None)
    assert b"Ulm1".hex() not in kept[0][1] and b"abc".hex() not in kept[0][1] and b"ACME".hex() in kept[0][1]
    assert redacted == ["what no rule reads, and names that users give"]


def test_registers_that_no_rule_reads_become_zero() -> None:
    name = "siemens-pac-im0"
    request, answer = exchanges_of(name)[0]
    ((_, kept),), _ = redact([(request, answer)], bundled()[name])
    assert answer.endswith("0000f60000010101000e") and kept.endswith("00" * 10)


def test_a_plain_device_is_left_as_it_is() -> None:
    exchanges = [("2b0e0200", "2b0e0282000003000441434d45010250370203322e31")]
    assert redact(exchanges, None) == (exchanges, [])


SHORT = SOUND.replace('regs = 2\nkind = "number"', 'kind = "words"')


def test_a_serial_number_too_short_to_be_found_again_stops_the_recording() -> None:
    with pytest.raises(RedactionError, match="one piece"):
        redact([("0300640004", "0308002a000700000000")], parse("short", SHORT))


def test_a_serial_number_that_is_the_proof_itself_stops_the_recording() -> None:
    proof = SOUND.replace('addr = 100\nequals = "42"', 'addr = 101\nregs = 2\nkind = "number"\nequals = "7654321"')
    with pytest.raises(RedactionError, match="no disguise"):
        redact([("0300640004", "0308002a0074cbb10000")], parse("proof", proof))
