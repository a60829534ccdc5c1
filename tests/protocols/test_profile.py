"""Register profiles: what is shipped works to the byte, and what could harm or mislead is refused with every reason."""

from collections.abc import Callable

import msgspec
import pytest

from protocols.modbus.dialogue import hold
from protocols.modbus.registers import facts, read_out
from protocols.profile import ProfileError, bundled, parse

SOUND = """
id = "acme"
version = 1
vendor = "ACME"
devices = "all"
doc = "manual p. 7"
confidence = "high"
[[read]]
fc = 3
addr = 100
count = 4
[[match]]
addr = 100
equals = "42"
[[field]]
name = "serial_number"
addr = 101
regs = 2
kind = "u32"
"""

# Recorded by hand from the documents that the profiles name: request -> response, and the nameplate that must come out.
GOLDEN = {
    "wago-750": (
        {
            "0320110001": "030202ee",
            "0320120001": "03020371",
            "0320100001": "03020005",
            "0320130001": "03020001",
            "0320140001": "03020004",
        },
        {"manufacturer_name": "WAGO", "order_code_of_manufacturer": "750-881", "firmware_version": "1.4(05)"},
    ),
    "siemens-pac-im0": (
        {
            "03fa01001b": "0336002a"
            + b"7KM4212-0BA00-3AA0  ".hex()
            + b"LQN/200915123456".hex()
            + "0003"
            + "56030102"
            + "0000f60000010101000e"
        },
        {
            "manufacturer_name": "Siemens",
            "order_code_of_manufacturer": "7KM4212-0BA00-3AA0",
            "serial_number": "LQN/200915123456",
            "hardware_version": "3",
            "firmware_version": "V3.1.2",
        },
    ),
    "moxa-iologik-e1200": (
        {"041388000a": "0414" + b"E1210".ljust(20, b"\0").hex(), "0413a50002": "040402030000"},
        {"manufacturer_name": "Moxa", "manufacturer_product_type": "E1210", "firmware_version": "2.3.0"},
    ),
    "sunspec": (
        {
            "039c400044": "0388"
            + b"SunS\x00\x01\x00\x42".hex()
            + b"ACME".ljust(32, b"\0").hex()
            + b"Inverter 5".ljust(32, b"\0").hex()
            + b"".ljust(16, b"\0").hex()
            + b"1.2.3".ljust(16, b"\0").hex()
            + b"SN-77".ljust(32, b"\0").hex()
        },
        {
            "manufacturer_name": "ACME",
            "manufacturer_product_designation": "Inverter 5",
            "firmware_version": "1.2.3",
            "serial_number": "SN-77",
        },
    ),
}


def exchange_of(answers: dict[str, str]) -> Callable[[bytes], bytes]:
    return lambda request: bytes.fromhex(answers[request.hex()])


def problems_of(text: str) -> str:
    with pytest.raises(ProfileError) as caught:
        parse("acme.toml", text)
    return "; ".join(caught.value.problems)


def test_every_shipped_profile_has_a_golden_exchange() -> None:
    assert set(bundled()) == set(GOLDEN)


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_golden_exchange_becomes_its_nameplate(name: str) -> None:
    answers, nameplate = GOLDEN[name]
    readout = hold(read_out(bundled()[name]), exchange_of(answers))
    assert {str(fact.field): fact.value for fact in facts(bundled()[name], readout)} == nameplate
    assert readout.requests == len(answers)


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_shipped_profile_does_not_believe_a_device_full_of_zeros(name: str) -> None:
    readout = hold(read_out(bundled()[name]), lambda request: bytes((request[0], 2 * request[4])) + bytes(2 * request[4]))
    assert readout.requests == 1 and facts(bundled()[name], readout) == ()


def test_shipped_files_are_named_as_their_profiles() -> None:
    assert all(name == profile.id for name, profile in bundled().items())


def test_wago_register_whose_reading_starts_a_bus_cycle_is_never_read() -> None:
    assert all(0x1027 not in read.registers for read in bundled()["wago-750"].reads)


def test_sound_profile_is_read_and_survives_json() -> None:
    profile = parse("acme.toml", SOUND)
    assert profile.label == "acme@1"
    assert msgspec.json.decode(msgspec.json.encode(profile), type=type(profile)) == profile


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("fc = 3", "fc = 6", "function code 6 is not a read"),
        ("fc = 3", "fc = 23", "function code 23 is not a read"),
        ("count = 4", "count = 126", "1 to 125"),
        ("count = 4", "count = 0", "1 to 125"),
        ("addr = 100\ncount", "addr = 65533\ncount", "outside of registers"),
        ("addr = 100\ncount", "addr = -1\ncount", "outside of registers"),
        ('[[match]]\naddr = 100\nequals = "42"', "", "no match rule"),
        ('equals = "42"', "", "exactly one of"),
        ('equals = "42"', 'equals = "42"\nstarts_with = "4"', "exactly one of"),
        ("addr = 101", "addr = 103", "are not read"),
        ("regs = 2", "regs = 3", "u32 needs regs = 2"),
        ("regs = 2", "regs = 0", "are not read"),
        ('kind = "u32"', 'kind = "u32"\nformat = "{0}"', "u32 has none"),
        ('kind = "u32"', 'format = "{2}"', "no number {2}"),
        ('kind = "u32"', 'format = "{0.__class__}"', "no number"),
        ('kind = "u32"', 'format = "{0!r}"', "no number"),
        ('kind = "u32"', 'format = "{}"', "no number"),
        ('kind = "u32"', 'format = "{0:999999d}"', "is none of"),
        ('kind = "u32"', 'format = "{0:{1}}"', "is none of"),
        ('kind = "u32"', 'format = "{0"', "format:"),
        ('vendor = "ACME"', "", "the manufacturer comes from"),
        ('doc = "manual p. 7"', 'doc = ""', "doc must name"),
        ('confidence = "high"', 'confidence = "high"\nconnect_risk = "opt-in"', "needs a caution"),
        ("[[match]]", "[[read]]\nfc = 4\naddr = 103\ncount = 1\n[[match]]", "overlap"),
        ('confidence = "high"', 'confidence = "total"', "confidence"),
        ('kind = "u32"', 'kind = "u32"\nscale = 10', "scale"),
        ("addr = 101", "addr = 101\n[[", "line"),
    ],
)
def test_unsound_profile_is_refused_with_the_reason(old: str, new: str, problem: str) -> None:
    assert old in SOUND
    assert problem in problems_of(SOUND.replace(old, new, 1))


def test_all_problems_are_listed_at_once() -> None:
    text = SOUND.replace("fc = 3", "fc = 16").replace("count = 4", "count = 200").replace('equals = "42"', "")
    assert {"16", "200", "exactly"} <= set(problems_of(text).replace(";", " ").split())


def test_more_reads_than_a_visit_may_have_are_refused() -> None:
    more = "".join(f"[[read]]\nfc = 3\naddr = {addr}\ncount = 1\n" for addr in range(200, 206))
    assert "7 reads" in problems_of(SOUND + more)
