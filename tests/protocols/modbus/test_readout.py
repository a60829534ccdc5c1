"""What a profile asks for: exact questions, no belief before the profile matches, and never more than the visit has."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.contract import Confidence, Fact, Field
from protocols.encoding import Kind
from protocols.modbus.dialogue import Refusal, Remark, hold
from protocols.modbus.guard import check_pdu
from protocols.modbus.meaning import facts
from protocols.modbus.readout import Readout, read_out
from protocols.profile import bundled
from protocols.profile_form import ConnectRisk, FieldRule, Match, Profile, Read

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
        FieldRule(name=Field.SERIAL_NUMBER, addr=300, regs=2, kind=Kind.NUMBER),
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
    assert values(facts(PROFILE, readout.seen)) == {
        "manufacturer_name": "ACME",
        "hardware_version": "7",
        "serial_number": "65538",
    }


def test_a_stranger_is_asked_once() -> None:
    readout, asked = read({"0300640002": "030400290001"})
    assert len(asked) == 1 and not readout.matched


def test_a_missing_register_is_left_out_and_the_rest_is_read() -> None:
    readout, asked = read({"0400c80001": "8402"})
    assert len(asked) == 3 and readout.refusal == Refusal.ILLEGAL_ADDRESS
    found = values(facts(PROFILE, readout.seen))
    assert "hardware_version" not in found and "serial_number" in found


def test_a_busy_device_is_left_alone() -> None:
    readout, asked = read({"0400c80001": "8406"})
    assert len(asked) == 2 and readout.refusal == 6


def test_a_wrong_answer_ends_the_dialogue() -> None:
    readout, asked = read({"0300640002": "0302002a"})
    assert len(asked) == 1 and readout.remarks == {Remark.UNRELATED} and not readout.matched


def test_silence_ends_the_dialogue_and_what_was_said_is_kept() -> None:
    readout, asked = read({"0400c80001": ""})
    assert len(asked) == 2 and readout.remarks == {Remark.SILENT} and readout.matched


def test_the_budget_ends_the_dialogue() -> None:
    readout, asked = read(max_requests=2)
    assert len(asked) == 2 and values(facts(PROFILE, readout.seen)) == {"manufacturer_name": "ACME", "hardware_version": "7"}


SHIFTED = Profile(
    id="shifted",
    version=1,
    vendor="ACME",
    devices="all",
    doc="manual",
    confidence=Confidence.MEDIUM,
    bases=(0, 1, 5),
    reads=(Read(fc=3, addr=10, count=1),),
    matches=(Match(addr=10, equals="42"),),
    fields=(FieldRule(name=Field.HARDWARE_VERSION, addr=10),),
)


def at_base(base: int, learned: tuple[str, ...] = ()) -> tuple[Readout, list[str]]:
    asked: list[str] = []

    def exchange(request: bytes) -> bytes:
        asked.append(request.hex())
        return bytes.fromhex("0302002a" if int.from_bytes(request[1:3], "big") == base + 10 else "8302")

    return hold(read_out(SHIFTED, learned), exchange), asked


def test_bases_are_tried_in_order_until_the_match_holds() -> None:
    readout, asked = at_base(1)
    assert readout.matched and asked == ["03000a0001", "03000b0001"] and readout.learned == ("base=1",)
    assert facts(SHIFTED, readout.seen)[0].source == "FC3 0x000B"


def test_a_base_that_was_found_is_tried_first_the_next_time() -> None:
    readout, asked = at_base(5, learned=("base=5",))
    assert readout.matched and len(asked) == 1


@pytest.mark.parametrize("learned", [("base=1",), ("base=77",), ("base=",), ("base=99999",), ("individual-only",)])
def test_a_base_that_no_longer_holds_costs_one_question_and_is_forgotten(learned: tuple[str, ...]) -> None:
    readout, asked = at_base(5, learned=learned)
    assert readout.matched and len(asked) == 3 and readout.learned == ("base=5",)


def test_a_device_of_another_family_teaches_nothing() -> None:
    readout, asked = at_base(77)
    assert len(asked) == 3 and readout.learned == () and not readout.matched


NAMEPLATE = b"ACME".ljust(32, b"\0") + b"P7".ljust(32, b"\0") + bytes(16) + b"2.1".ljust(16, b"\0") + b"SN-77".ljust(32, b"\0")
WHOLE = {
    "manufacturer_name": "ACME",
    "manufacturer_product_designation": "P7",
    "firmware_version": "2.1",
    "serial_number": "SN-77",
}


def in_pieces(
    base: int, *holes: int, refusal: str = "8302", learned: tuple[str, ...] = ()
) -> tuple[Readout, list[tuple[int, int]]]:
    """A SunSpec device that refuses a read over one of its holes, and any of more than 16 registers."""
    words = b"SunS\0\1\0\x42" + NAMEPLATE
    asked: list[tuple[int, int]] = []

    def exchange(request: bytes) -> bytes:
        first, count = int.from_bytes(request[1:3], "big") - base, request[4]
        asked.append((first + base, count))
        if not 0 <= first <= 67 or set(holes) & set(range(first, first + count)):
            return bytes.fromhex("8302")
        if count > 16:
            return bytes.fromhex(refusal)
        return bytes((3, 2 * count)) + words[2 * first : 2 * (first + count)]

    return hold(read_out(bundled()["sunspec"], learned), exchange), asked


@pytest.mark.parametrize("refusal", ["8302", "8303"])
def test_a_device_that_refuses_the_one_read_is_asked_field_by_field(refusal: str) -> None:
    readout, asked = in_pieces(40_000, refusal=refusal)
    assert asked == [(40_000, 68), (40_000, 4), (40_004, 16), (40_020, 16), (40_044, 8), (40_052, 16)]
    assert readout.matched and values(facts(bundled()["sunspec"], readout.seen)) == WHOLE
    assert readout.learned == ("base=40000", "pieces")


def test_what_was_learned_of_pieces_saves_the_refused_read() -> None:
    readout, asked = in_pieces(40_000, learned=("base=40000", "pieces"))
    assert len(asked) == 5 and asked[0] == (40_000, 4) and readout.learned == ("base=40000", "pieces")


def test_a_field_in_a_hole_is_left_out_and_the_others_are_read() -> None:
    readout, asked = in_pieces(40_000, 44)
    assert len(asked) == 6 and values(facts(bundled()["sunspec"], readout.seen)).keys() == WHOLE.keys() - {"firmware_version"}


def test_pieces_at_a_later_base_are_whole_after_two_visits() -> None:
    first, asked = in_pieces(50_000)
    assert len(asked) == 6 and first.matched and first.learned == ("base=50000", "pieces")
    again, asked = in_pieces(50_000, learned=first.learned)
    assert len(asked) == 5 and values(facts(bundled()["sunspec"], again.seen)) == WHOLE


def test_pieces_that_moved_are_looked_for_at_every_base() -> None:
    readout, asked = in_pieces(40_000, learned=("base=50000", "pieces"))
    assert asked[:4] == [(50_000, 4), (40_000, 68), (40_000, 4), (40_004, 16)] and readout.learned == ("base=40000", "pieces")


def test_a_map_that_was_read_as_a_whole_and_is_another_is_not_read_again_in_pieces() -> None:
    asked: list[str] = []

    def exchange(request: bytes) -> bytes:
        asked.append(request.hex())
        return bytes((3, 2 * request[4])) + bytes(2 * request[4])

    assert not hold(read_out(bundled()["sunspec"]), exchange).matched
    assert asked == ["039c400044", "03c3500044", "0300000044"]


def test_a_device_that_is_silent_to_the_one_read_is_left_alone() -> None:
    asked: list[bytes] = []
    readout = hold(read_out(bundled()["sunspec"]), lambda request: asked.append(request) or b"")
    assert len(asked) == 1 and not readout.matched


def held(name: str, answer: str) -> Readout:
    return hold(read_out(bundled()[name]), lambda _request: bytes.fromhex(answer))


def test_a_refused_server_id_is_no_match() -> None:
    readout = held("schneider-pm710", "9101")
    assert (readout.matched, readout.refusal) == (False, Refusal.ILLEGAL_FUNCTION)


def test_a_refused_identification_teaches_that_there_is_none() -> None:
    readout = held("abb-acs", "ab01")
    assert (readout.matched, readout.learned) == (False, ("no-identification",))


def test_a_list_of_devices_is_the_one_that_answers_and_those_behind_it() -> None:
    parts = [b"1=GW;2=1.0;4=A", b"1=INV;2=2.0;4=B", b"no parts"]
    objects = b"".join(bytes((0x88 + at, len(part))) + part for at, part in enumerate(parts))
    readout = held("huawei-device-list", "2b0e0303000003" + objects.hex())
    (child,) = readout.children
    assert child.key == "object 0x89" and child.facts[1].source == "43/14 object 0x89" and child.facts[1].value == "INV"


ASKED = sorted(name for name, profile in bundled().items() if profile.connect_risk is not ConnectRisk.DENY)


@given(
    st.sampled_from(ASKED), st.sets(st.from_regex(r"(base|block|next)=[0-9]{1,6}|chain-end|pieces", fullmatch=True)), st.data()
)
def test_any_bytes_become_a_readout_within_the_budget(name: str, learned: set[str], data: st.DataObject) -> None:
    profile = bundled()[name]

    def exchange(request: bytes) -> bytes:
        check_pdu(request)
        fitting: list[Any] = [st.binary(max_size=253), st.binary(max_size=250).map(lambda body: request[:2] + body)]
        if len(request) == 5 and request[0] in (3, 4):
            size = 2 * request[4]
            fitting.append(st.binary(min_size=size, max_size=size).map(lambda body: bytes((request[0], size)) + body))
        return data.draw(st.one_of(fitting))

    readout = hold(read_out(profile, learned), exchange)
    assert readout.requests <= 6
    found = facts(profile, readout.seen) if readout.matched else ()
    assert all(fact.value and len(fact.value) <= 256 for fact in found)
    assert readout.matched or readout.children == ()
