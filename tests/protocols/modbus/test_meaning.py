"""Match rules and evidence: nothing is believed before, and every value says where it came from."""

import pytest

from protocols.contract import Confidence, Field
from protocols.encoding import Kind
from protocols.modbus.meaning import MAX_CHILDREN, Seen, facts, holds, listed_devices, matches, value
from protocols.profile import bundled
from protocols.profile_form import FieldRule, Match, Profile, Read, Span

SEEN = Seen(registers={0: b"AB", 1: b"CD", 2: b"\0\x2a"}, objects={5: b"P7"}, server_id=b"\xfa\xffPM710", base=0)


@pytest.mark.parametrize(
    ("match", "held"),
    [
        (Match(addr=2, equals="42"), True),
        (Match(addr=2, equals="4"), False),
        (Match(addr=0, regs=2, kind=Kind.TEXT, starts_with="ABC"), True),
        (Match(addr=0, regs=2, kind=Kind.TEXT, starts_with="BC"), False),
        (Match(addr=2, one_of=("41", "42")), True),
        (Match(addr=2, one_of=("41", "43")), False),
        (Match(addr=0, regs=2, kind=Kind.TEXT, shape="A[A-Z]{1,3}"), True),
        (Match(addr=0, regs=2, kind=Kind.TEXT, shape="[A-Z]{1,3}"), False),
        (Match(addr=3, equals="0"), False),
        (Match(object=5, kind=Kind.TEXT, equals="P7"), True),
        (Match(object=6, kind=Kind.TEXT, equals="P7"), False),
        (Match(at=0, size=1, kind=Kind.NUMBER, equals="250"), True),
        (Match(at=2, kind=Kind.TEXT, starts_with="PM7"), True),
        (Match(at=6, size=2, kind=Kind.TEXT, starts_with="0"), False),
        (Match(at=7, kind=Kind.TEXT, starts_with="0"), False),
    ],
)
def test_each_kind_of_match_holds_for_what_it_says_and_nothing_else(match: Match, held: bool) -> None:
    assert holds(match, SEEN) is held


def test_a_value_with_a_missing_register_is_no_value() -> None:
    assert value(Span(addr=2, regs=2, kind=Kind.TEXT), SEEN) == ""


PROFILE = Profile(
    id="acme",
    version=3,
    vendor="ACME",
    devices="all",
    doc="manual",
    confidence=Confidence.MEDIUM,
    reads=(Read(fc=3, addr=0, count=2), Read(fc=4, addr=2, count=1)),
    matches=(Match(addr=0, kind=Kind.TEXT, equals="AB"),),
    fields=(
        FieldRule(name=Field.SERIAL_NUMBER, addr=1, regs=2, kind=Kind.NUMBER),
        FieldRule(name=Field.HARDWARE_VERSION, addr=9),
    ),
)


def test_every_fact_carries_its_evidence_and_an_empty_value_is_none() -> None:
    vendor, serial = facts(PROFILE, Seen(registers=SEEN.registers, base=0x100))
    assert (vendor.value, vendor.source, vendor.raw) == ("ACME", "FC3 0x0100", "4142")
    assert (serial.source, serial.raw, serial.profile) == ("FC3 0x0101+1", "4344002a", "acme@3")
    assert serial.confidence is Confidence.MEDIUM


def test_all_matches_must_hold() -> None:
    two = Profile(
        id="acme",
        version=1,
        devices="all",
        doc="d",
        confidence=Confidence.LOW,
        matches=(*PROFILE.matches, Match(addr=2, equals="1")),
    )
    assert matches(PROFILE, SEEN) and not matches(two, SEEN)


def test_a_list_longer_than_a_nameplate_may_be_is_cut() -> None:
    profile = bundled()["huawei-device-list"]
    assert len(listed_devices(profile, Seen(objects=dict.fromkeys(range(0x88, 0x100), b"1=x")))) == MAX_CHILDREN


def test_a_profile_without_a_list_has_none_behind_it() -> None:
    assert listed_devices(PROFILE, SEEN) == ()
