"""Register maps: exact questions, exact answers, and no belief before the profile matches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.contract import Confidence, Fact, Field
from protocols.modbus.dialogue import Refusal, Remark, hold
from protocols.modbus.guard import check_pdu
from protocols.modbus.registers import Readout, facts, read_out, value
from protocols.profile import FieldRule, Kind, Match, Profile, Read, Span, bundled

PROFILE = Profile(
    id="acme",
    version=3,
    vendor="ACME",
    devices="all",
    doc="manual",
    confidence=Confidence.MEDIUM,
    reads=(Read(fc=3, addr=100, count=2), Read(fc=4, addr=200, count=1), Read(fc=3, addr=300, count=2)),
    matches=(Match(addr=100, equals="42"),),
    fields=(
        FieldRule(name=Field.HARDWARE_VERSION, addr=200),
        FieldRule(name=Field.SERIAL_NUMBER, addr=300, regs=2, kind=Kind.U32),
    ),
)
GOOD = {
    "0300640002": "0304002a0001",
    "0400c80001": "04020007",
    "03012c0002": "030400010002",
}


def read(changed: dict[str, str] | None = None, *, max_requests: int = 6) -> tuple[Readout, list[str]]:
    asked: list[str] = []
    answers = GOOD | (changed or {})

    def exchange(request: bytes) -> bytes:
        asked.append(request.hex())
        return bytes.fromhex(answers[request.hex()])

    return hold(read_out(PROFILE, max_requests=max_requests), exchange), asked


def values(found: tuple[Fact, ...]) -> dict[str, str]:
    return {str(fact.field): fact.value for fact in found}


def test_reads_are_sent_exactly_as_the_profile_says() -> None:
    readout, asked = read()
    assert asked == list(GOOD) and readout.requests == 3 and readout.matched
    assert values(facts(PROFILE, readout)) == {"manufacturer_name": "ACME", "hardware_version": "7", "serial_number": "65538"}


def test_every_fact_carries_its_evidence() -> None:
    readout, _ = read()
    serial = facts(PROFILE, readout)[-1]
    assert (serial.source, serial.raw, serial.profile) == ("FC3 0x012C+1", "00010002", "acme@3")
    assert serial.confidence is Confidence.MEDIUM


def test_a_stranger_is_asked_once_and_nothing_of_it_is_believed() -> None:
    readout, asked = read({"0300640002": "030400290001"})
    assert len(asked) == 1 and not readout.matched and facts(PROFILE, readout) == ()


def test_a_missing_register_is_left_out_and_the_rest_is_read() -> None:
    readout, asked = read({"0400c80001": "8402"})
    assert len(asked) == 3 and readout.refusal == Refusal.ILLEGAL_ADDRESS
    assert "hardware_version" not in values(facts(PROFILE, readout)) and "serial_number" in values(facts(PROFILE, readout))


def test_a_busy_device_is_left_alone() -> None:
    readout, asked = read({"0400c80001": "8406"})
    assert len(asked) == 2 and readout.refusal == 6


@pytest.mark.parametrize(
    "answer",
    ["0404002a0001", "0302002a", "0304002a", "0304002a000100", "0306002a00010002", "83", "830200", "2b0e0101000000"],
    ids=["function", "fewer", "short", "long", "more", "bare", "fat exception", "other"],
)
def test_an_answer_that_is_not_exactly_to_the_question_ends_the_dialogue(answer: str) -> None:
    readout, asked = read({"0300640002": answer})
    assert len(asked) == 1 and readout.remarks == {Remark.UNRELATED} and not readout.matched


def test_silence_ends_the_dialogue() -> None:
    readout, asked = read({"0400c80001": ""})
    assert len(asked) == 2 and readout.remarks == {Remark.SILENT} and readout.matched


def test_the_budget_ends_the_dialogue() -> None:
    readout, asked = read(max_requests=2)
    assert len(asked) == 2 and values(facts(PROFILE, readout)) == {"manufacturer_name": "ACME", "hardware_version": "7"}


@pytest.mark.parametrize(
    ("span", "raw", "text"),
    [
        (Span(addr=0, regs=2, kind=Kind.TEXT), "41420000", "AB"),
        (Span(addr=0, regs=2, kind=Kind.TEXT), "ffffffff", ""),
        (Span(addr=0, regs=2, kind=Kind.TEXT_SWAPPED), "42414443", "ABCD"),
        (Span(addr=0, regs=2, kind=Kind.U32), "00010000", "65536"),
        (Span(addr=0, regs=2), "0001000a", "1.10"),
        (Span(addr=0, regs=2, kind=Kind.BYTES, format="{0:c}{1}.{2}.{3}"), "56030102", "V3.1.2"),
        (Span(addr=0, regs=2, kind=Kind.BYTES, format="{0:c}{1}.{2}.{3}"), "1b030102", "3.1.2"),
        (Span(addr=0, regs=2, format="{1:04x}/{0:02d}"), "0005beef", "beef/05"),
        (Span(addr=0, regs=2, format="{0:c}"), "d8000000", "?"),
    ],
)
def test_registers_become_text(span: Span, raw: str, text: str) -> None:
    data = bytes.fromhex(raw)
    assert value(span, {0: data[:2], 1: data[2:]}) == text


def test_a_value_with_a_missing_register_is_no_value() -> None:
    assert value(Span(addr=0, regs=2, kind=Kind.TEXT), {0: b"AB"}) == ""


@given(st.sampled_from(sorted(bundled())), st.data())
def test_any_bytes_become_a_readout_within_the_budget(name: str, data: st.DataObject) -> None:
    profile = bundled()[name]

    def exchange(request: bytes) -> bytes:
        check_pdu(request)
        size = 2 * request[4]
        fitting = st.binary(min_size=size, max_size=size).map(lambda body: bytes((request[0], size)) + body)
        return data.draw(st.one_of(st.binary(max_size=253), fitting))

    readout = hold(read_out(profile), exchange)
    assert readout.requests <= 6
    assert readout.matched or facts(profile, readout) == ()
    assert all(fact.value and len(fact.value) <= 256 for fact in facts(profile, readout))
