"""The reader against simulated and hostile devices: each ends in a named outcome, in time, and never in an exception."""

import asyncio
import os
import socket
from collections.abc import Sequence
from dataclasses import replace
from time import monotonic

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.demo.modbus_device import Manner, ModbusDevice, Unit, checksum
from protocols.contract import Answer, Ask, Endpoint, Field, Limits, Outcome, Reader, Transport
from protocols.errors import ForbiddenRequestError
from protocols.modbus.dialogue import Remark
from protocols.modbus.reader import ModbusReader
from protocols.profile import bundled
from protocols.profile_form import Read
from tests.effort import examples
from tests.simulators.rogue_modbus import Behaviour, Reply, Rogue, Then, mbap, one_by_one, says

QUICK = Limits(connect_timeout_s=0.5, response_timeout_s=0.3, gap_s=0.01, visit_s=3.0)
ACME = {0: b"ACME", 1: b"P7", 2: b"2.1", 4: b"Press", 6: b"line 2, do not touch"}
IDENTITY = bytes.fromhex("2b0e0282000003000441434d4501025037 0203322e31")
WAGO = {0x2010: 5, 0x2011: 750, 0x2012: 881, 0x2013: 1, 0x2014: 4}
TCP, RTU = Transport.MODBUS_TCP, Transport.MODBUS_RTU_TCP


def ask(
    port: int,
    unit: int = 1,
    *,
    transport: Transport = TCP,
    limits: Limits = QUICK,
    profile: str = "",
    learned: Sequence[str] = (),
) -> Ask:
    endpoint = Endpoint(transport=transport, host="127.0.0.1", port=port, unit=unit)
    return Ask(endpoint=endpoint, limits=limits, profile=profile, learned=tuple(learned))


async def visit(*asks: Ask) -> list[Answer]:
    reader: Reader = ModbusReader()
    return [answer async for answer in reader.visit(asks)]


def said(answer: Answer) -> dict[Field, str]:
    return {fact.field: fact.value for fact in answer.facts}


@pytest.mark.parametrize("transport", [TCP, RTU])
async def test_an_identity_is_one_connection_one_request_and_a_clean_end(transport: Transport) -> None:
    async with ModbusDevice({1: Unit(objects=ACME)}, rtu=transport is RTU) as device:
        (answer,) = await visit(ask(device.port, transport=transport))
        await asyncio.sleep(0.01)
    assert answer.outcome is Outcome.IDENTIFIED and answer.remarks == ()
    assert said(answer) == {
        Field.MANUFACTURER_NAME: "ACME",
        Field.ORDER_CODE_OF_MANUFACTURER: "P7",
        Field.FIRMWARE_VERSION: "2.1",
        Field.MANUFACTURER_PRODUCT_DESIGNATION: "Press",
    }
    assert device.requests == [(1, bytes.fromhex("2b0e0200"))]
    assert (device.connections, device.fins, device.resets) == (1, 1, 0)
    assert answer.ledger.requests == {"43/14": 1} and answer.ledger.connections == 1


async def test_nobody_is_said_to_have_been_silent_who_was_not_asked() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        (unreachable,) = await visit(ask(closed.getsockname()[1]))
    async with ModbusDevice({1: Unit(objects=ACME)}) as device:
        (late,) = await visit(ask(device.port, limits=replace(QUICK, visit_s=0.0)))
    for answer in (unreachable, late):
        assert answer.ledger.requests == {} and answer.remarks == ()


async def test_nonsense_is_not_said_to_be_silence() -> None:
    async with Rogue(says(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as rogue:
        (answer,) = await visit(ask(rogue.port))
    assert answer.outcome is Outcome.MALFORMED and answer.remarks == ()


async def test_every_fact_carries_its_object_and_its_bytes() -> None:
    async with ModbusDevice({1: Unit(objects=ACME | {2: b"2.1\0\0"})}) as device:
        (answer,) = await visit(ask(device.port))
    assert (answer.facts[2].source, answer.facts[2].raw, answer.facts[2].value) == ("43/14 object 0x02", "322e310000", "2.1")


async def test_a_register_profile_is_read_instead_of_the_identification() -> None:
    async with ModbusDevice({1: Unit(objects=ACME, holding=WAGO)}) as device:
        (answer,) = await visit(ask(device.port, profile="wago-750"))
    assert answer.outcome is Outcome.IDENTIFIED and said(answer)[Field.ORDER_CODE_OF_MANUFACTURER] == "750-881"
    assert answer.ledger.requests == {"3": 5} and answer.facts[0].profile == "wago-750@1"


OTHER_WAYS: dict[str, tuple[Unit, dict[Field, str], str]] = {
    "schneider-pm710": (
        Unit(server_id=b"\xfa\xffPM710PowerMeter"),
        {Field.MANUFACTURER_NAME: "Schneider Electric", Field.MANUFACTURER_PRODUCT_DESIGNATION: "PM710PowerMeter"},
        "11",
    ),
    "abb-acs": (
        Unit(objects={0: b"ABB", 1: b"AINFX", 2: b"2.83.0.0", 4: b"ACS880"}, manner=Manner.FROM_ZERO),
        {
            Field.MANUFACTURER_NAME: "ABB",
            Field.SOFTWARE_VERSION: "2.83.0.0",
            Field.MANUFACTURER_PRODUCT_FAMILY: "AINFX",
            Field.MANUFACTURER_PRODUCT_DESIGNATION: "ACS880",
        },
        "2b0e0000",
    ),
    "huawei-device-list": (
        Unit(objects={0x87: b"\1", 0x88: b"1=SUN2000;2=V1;4=HV1"}, conformity=0x83),
        {
            Field.MANUFACTURER_NAME: "Huawei",
            Field.MANUFACTURER_PRODUCT_DESIGNATION: "SUN2000",
            Field.FIRMWARE_VERSION: "V1",
            Field.SERIAL_NUMBER: "HV1",
        },
        "2b0e0387",
    ),
}


@pytest.mark.parametrize("profile", OTHER_WAYS)
@pytest.mark.parametrize("transport", [TCP, RTU])
async def test_a_profile_may_ask_in_its_own_way_and_costs_one_request(profile: str, transport: Transport) -> None:
    unit, nameplate, request = OTHER_WAYS[profile]
    async with ModbusDevice({1: unit}, rtu=transport is RTU) as device:
        (answer,) = await visit(ask(device.port, profile=profile, transport=transport))
    assert said(answer) == nameplate and device.requests == [(1, bytes.fromhex(request))]


async def test_devices_down_the_chain_are_children_and_what_was_learned_finds_them_at_once() -> None:
    def common(name: bytes) -> bytes:
        return b"\0\1\0\x42" + b"ACME".ljust(32, b"\0") + name.ljust(32, b"\0") + bytes(32) + b"SN".ljust(32, b"\0") + bytes(4)

    content = b"SunS" + common(b"one") + common(b"two") + b"\xff\xff\0\0"
    holding = {50_000 + at // 2: int.from_bytes(content[at : at + 2], "big") for at in range(0, len(content), 2)}
    async with ModbusDevice({1: Unit(holding=holding)}) as device:
        (first,) = await visit(ask(device.port, profile="sunspec"))
        (again,) = await visit(ask(device.port, profile="sunspec", learned=first.learned))
    assert first.children == again.children and first.children[0].key == "register 50070"
    assert (first.ledger.requests, again.ledger.requests) == ({"3": 6}, {"3": 2})


async def test_a_map_with_a_hole_is_read_field_by_field_and_next_time_without_the_refused_read() -> None:
    content = b"SunS\0\1\0\x42" + b"".join(word.ljust(32, b"\0") for word in (b"ACME", b"P7", b"", b"SN-77"))
    words = {40_000 + at // 2: int.from_bytes(content[at : at + 2], "big") for at in range(0, len(content), 2)}
    async with ModbusDevice({1: Unit(holding={at: word for at, word in words.items() if not 40_036 <= at < 40_044})}) as device:
        (first,) = await visit(ask(device.port, profile="sunspec"))
        (again,) = await visit(ask(device.port, profile="sunspec", learned=first.learned))
    assert said(first) == said(again) and said(first)[Field.SERIAL_NUMBER] == "SN-77"
    assert (first.ledger.requests, again.ledger.requests) == ({"3": 6}, {"3": 5})
    assert first.outcome is Outcome.IDENTIFIED and first.remarks == ()


async def test_a_device_that_is_not_what_the_profile_describes_stays_anonymous() -> None:
    async with ModbusDevice({1: Unit(holding=WAGO | {0x2011: 751})}) as device:
        (answer,) = await visit(ask(device.port, profile="wago-750"))
    assert answer.outcome is Outcome.ANONYMOUS and answer.facts == () and "wago-750" in answer.detail


@pytest.mark.parametrize(
    ("unit", "outcome", "requests"),
    [
        (Unit(manner=Manner.NO_IDENTIFICATION), Outcome.ANONYMOUS, 1),
        (Unit(manner=Manner.SILENT), Outcome.SILENT, 1),
        (Unit(manner=Manner.HANGS_UP), Outcome.REFUSED, 1),
        (Unit(objects={0: b"", 1: b" \0", 2: b"\x01"}), Outcome.ANONYMOUS, 1),
        (Unit(objects=ACME, page_bytes=12), Outcome.IDENTIFIED, 3),
        (Unit(objects=ACME, manner=Manner.INDIVIDUAL_ONLY), Outcome.IDENTIFIED, 5),
    ],
    ids=["no identification", "silent", "hangs up", "blank", "pages", "individual only"],
)
@pytest.mark.parametrize("transport", [TCP, RTU])
async def test_each_manner_of_a_device_has_its_outcome(unit: Unit, outcome: Outcome, requests: int, transport: Transport) -> None:
    async with ModbusDevice({1: unit}, rtu=transport is RTU) as device:
        (answer,) = await visit(ask(device.port, transport=transport))
    assert (answer.outcome, len(device.requests), device.connections) == (outcome, requests, 1)
    assert answer.detail.endswith(".") and bool(answer.facts) == (outcome is Outcome.IDENTIFIED)


async def test_what_one_visit_learned_makes_the_next_one_shorter() -> None:
    async with ModbusDevice({1: Unit(objects=ACME, manner=Manner.INDIVIDUAL_ONLY)}) as device:
        (first,) = await visit(ask(device.port))
        (second,) = await visit(ask(device.port, learned=first.learned))
    assert first.learned == second.learned == ("individual-only",)
    assert (first.ledger.requests, second.ledger.requests) == ({"43/14": 5}, {"43/14": 3})
    assert said(first) == said(second)


async def test_units_behind_a_gateway_share_one_connection_and_a_silent_one_harms_none() -> None:
    units = {1: Unit(objects=ACME), 2: Unit(manner=Manner.SILENT), 3: Unit(objects=ACME)}
    async with ModbusDevice(units) as device:
        answers = await visit(*(ask(device.port, unit) for unit in (1, 2, 3, 4)))
    assert [answer.outcome for answer in answers] == [Outcome.IDENTIFIED, Outcome.SILENT, Outcome.IDENTIFIED, Outcome.REFUSED]
    assert [answer.ledger.connections for answer in answers] == [1, 0, 0, 0] and device.connections == 1
    assert "no path" in answers[3].detail


async def test_silence_on_an_unnumbered_line_costs_a_new_connection() -> None:
    units = {1: Unit(manner=Manner.SILENT), 2: Unit(objects=ACME)}
    async with ModbusDevice(units, rtu=True) as device:
        answers = await visit(*(ask(device.port, unit, transport=RTU) for unit in (1, 2)))
    assert [answer.outcome for answer in answers] == [Outcome.SILENT, Outcome.IDENTIFIED]
    assert [answer.ledger.connections for answer in answers] == [1, 1]


async def test_a_device_that_hangs_up_on_one_unit_is_asked_for_the_next_on_a_new_connection() -> None:
    units = {1: Unit(objects=ACME), 2: Unit(manner=Manner.HANGS_UP), 3: Unit(objects=ACME)}
    async with ModbusDevice(units) as device:
        answers = await visit(*(ask(device.port, unit) for unit in (1, 2, 3)))
    assert [answer.outcome for answer in answers] == [Outcome.IDENTIFIED, Outcome.REFUSED, Outcome.IDENTIFIED]
    assert device.connections == 2


async def test_an_endpoint_that_hangs_up_before_it_ever_answered_is_connected_to_once() -> None:
    async with Rogue(says(), greeting=Reply(then=Then.CLOSE)) as rogue:
        answers = await visit(*(ask(rogue.port, unit) for unit in range(1, 6)))
    assert {answer.outcome for answer in answers} == {Outcome.REFUSED} and rogue.connections == 1


async def test_nobody_there_is_one_connect_attempt_for_all_units() -> None:
    async with ModbusDevice({}) as device:
        port = device.port
    answers = await visit(*(ask(port, unit) for unit in (1, 2, 3)))
    assert {answer.outcome for answer in answers} == {Outcome.UNREACHABLE}
    assert [answer.ledger.connections for answer in answers] == [1, 0, 0]
    assert answers[0].detail == f"No connection to 127.0.0.1:{port}: Connection refused."


async def test_a_name_that_does_not_resolve_is_unreachable() -> None:
    endpoint = Endpoint(transport=TCP, host="x" * 70, port=502, unit=1)
    (answer,) = await visit(Ask(endpoint=endpoint, limits=QUICK))
    assert answer.outcome is Outcome.UNREACHABLE


async def test_a_device_that_vanishes_and_returns_is_seen_so_with_its_new_firmware() -> None:
    device = ModbusDevice({1: Unit(objects=dict(ACME))})
    seen = []
    for firmware in (b"2.1", None, b"2.2"):
        if firmware is not None:
            device.units[1].objects[2] = firmware
            await device.start()
        (answer,) = await visit(ask(device.port))
        seen.append((answer.outcome, said(answer).get(Field.FIRMWARE_VERSION)))
        await device.stop()
    assert seen == [(Outcome.IDENTIFIED, "2.1"), (Outcome.UNREACHABLE, None), (Outcome.IDENTIFIED, "2.2")]


async def test_the_gap_is_kept_between_requests_and_between_units() -> None:
    limits = Limits(response_timeout_s=0.5, gap_s=0.05)
    async with ModbusDevice({1: Unit(objects=ACME, page_bytes=12), 2: Unit(objects=ACME)}) as device:
        answers = await visit(*(ask(device.port, unit, limits=limits) for unit in (1, 2)))
    gaps = [answer.ledger.smallest_gap_ms for answer in answers]
    assert all(gap is not None and gap >= 50 for gap in gaps)


async def test_the_budget_of_requests_is_never_exceeded() -> None:
    async with ModbusDevice({1: Unit(objects=ACME, page_bytes=12)}) as device:
        (answer,) = await visit(ask(device.port, limits=Limits(gap_s=0.0, max_requests=2)))
    assert len(device.requests) == 2 and answer.outcome is Outcome.IDENTIFIED


async def test_a_visit_whose_time_is_used_up_keeps_what_it_has() -> None:
    async with ModbusDevice({1: Unit(objects=ACME, page_bytes=12)}) as device:
        (answer,) = await visit(ask(device.port, limits=Limits(gap_s=0.1, visit_s=0.15)))
    assert answer.outcome is Outcome.IDENTIFIED and len(device.requests) == 2 and "used up" in answer.detail


async def test_the_ledger_counts_what_the_other_side_heard() -> None:
    async with Rogue(lambda request: Reply((mbap(IDENTITY, request),))) as rogue:
        (answer,) = await visit(ask(rogue.port))
    assert answer.ledger.sent_bytes == len(rogue.heard) == 11
    assert answer.ledger.received_bytes == 7 + len(IDENTITY)


async def test_a_visit_that_is_broken_off_still_ends_its_connection() -> None:
    async with ModbusDevice({1: Unit(objects=ACME), 2: Unit(objects=ACME)}) as device:
        answers = ModbusReader().visit([ask(device.port, 1), ask(device.port, 2)])
        await anext(answers)
        await answers.aclose()
        await asyncio.sleep(0.01)
        assert (device.connections, device.fins, device.resets, len(device.requests)) == (1, 1, 0, 1)


async def test_a_cancelled_visit_still_ends_its_connection() -> None:
    async with ModbusDevice({1: Unit(manner=Manner.SILENT)}) as device:
        visiting = asyncio.create_task(visit(ask(device.port, limits=Limits())))
        while not device.requests:
            await asyncio.sleep(0.001)
        visiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await visiting
        await asyncio.sleep(0.01)
        assert (device.fins, device.resets) == (1, 0)


async def test_a_late_answer_after_our_farewell_meets_no_reset() -> None:
    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.read(100)
        rest = await reader.read(100)  # until our FIN
        writer.write(mbap(IDENTITY, request))
        await asyncio.sleep(0.02)
        ended.append((rest, await reader.read(100)))  # a reset would raise here
        writer.close()

    ended: list[tuple[bytes, bytes]] = []
    server = await asyncio.start_server(late, "127.0.0.1", 0)
    (answer,) = await visit(ask(server.sockets[0].getsockname()[1]))
    server.close()
    assert answer.outcome is Outcome.SILENT and ended == [(b"", b"")]
    assert answer.ledger.received_bytes == 7 + len(IDENTITY)


async def test_a_device_that_hangs_up_after_each_answer_keeps_what_it_said_and_is_not_connected_to_again() -> None:
    first_page = bytes.fromhex("2b0e0282ff0101000441434d45")
    async with Rogue(lambda request: Reply((mbap(first_page, request),), Then.CLOSE)) as rogue:
        (answer,) = await visit(ask(rogue.port))
    assert said(answer) == {Field.MANUFACTURER_NAME: "ACME"} and "closed the connection" in answer.detail
    assert rogue.connections == 1 and len(rogue.heard) == 11


async def test_a_device_that_hangs_up_after_each_answer_gets_a_connection_for_each_unit() -> None:
    async with Rogue(lambda request: Reply((mbap(IDENTITY, request),), Then.CLOSE)) as rogue:
        answers = await visit(*(ask(rogue.port, unit) for unit in (1, 2)))
    assert {answer.outcome for answer in answers} == {Outcome.IDENTIFIED} and rogue.connections == 2


async def test_a_profile_that_would_write_stops_the_visit_before_a_byte_leaves() -> None:
    wago = bundled()["wago-750"]
    forged = msgspec.structs.replace(wago, reads=(Read(fc=6, addr=0x2040, count=1),))
    async with Rogue(says()) as rogue:
        with pytest.raises(ForbiddenRequestError):
            async for _ in ModbusReader({"forged": forged}).visit([ask(rogue.port, profile="forged")]):
                pass
        await asyncio.sleep(0.01)
        assert rogue.heard == b"" and (rogue.fins, rogue.resets) == (1, 0)


async def test_no_asks_are_no_visit() -> None:
    assert await visit() == []


HOSTILE_NAMES = [
    b"\x1b[2J\x1b]0;owned\x07",
    b"a\r\nb\x00c",
    b"'; DROP TABLE asset; --",
    b"%s%n{0.__class__}{}",
    b"\xe2\x80\xaegnp.exe",
    b"../../etc/passwd",
    b"+/#",
    b"\xff" * 100 + b"x" * 144,
    b"x" * 244,
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
async def test_a_hostile_name_becomes_one_line_of_plain_text_and_its_bytes_are_kept(name: bytes) -> None:
    async with ModbusDevice({1: Unit(objects={0: name, 1: b"P7", 2: b"2.1"})}) as device:
        (answer,) = await visit(ask(device.port))
    fact = next(fact for fact in answer.facts if fact.field is Field.MANUFACTURER_NAME)
    assert fact.value.isprintable() and len(fact.value) <= 256 and fact.raw == name.hex()
    assert answer.detail.isprintable() and len(answer.detail) < 300


STALE = bytes.fromhex("ffff0000000301ab01")
HOSTILE: dict[str, tuple[Behaviour, Outcome, set[Remark]]] = {
    "garbage": (says(b"\xff" * 40), Outcome.MALFORMED, set()),
    "another protocol": (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Outcome.MALFORMED, set()),
    "a frame that ends early": (lambda request: Reply((mbap(IDENTITY, request)[:-3],)), Outcome.MALFORMED, set()),
    "a frame that ends early, and a close": (
        lambda request: Reply((mbap(IDENTITY, request)[:-3],), Then.CLOSE),
        Outcome.REFUSED,
        set(),
    ),
    "one byte after another": (lambda request: Reply(tuple(one_by_one(mbap(IDENTITY, request)))), Outcome.IDENTIFIED, set()),
    "another function": (
        lambda request: Reply((mbap(bytes.fromhex("0302002a"), request),)),
        Outcome.MALFORMED,
        {Remark.UNRELATED},
    ),
    "a bare function code": (lambda request: Reply((mbap(b"\xab", request),)), Outcome.MALFORMED, {Remark.UNRELATED}),
    "an object cut short": (lambda request: Reply((mbap(IDENTITY[:9], request),)), Outcome.MALFORMED, {Remark.TRUNCATED}),
    "a stale answer only": (says(STALE), Outcome.SILENT, {Remark.STALE}),
    "a stale answer first": (lambda request: Reply((STALE, mbap(IDENTITY, request))), Outcome.IDENTIFIED, {Remark.STALE}),
    "transaction id 0": (lambda request: Reply((mbap(IDENTITY, request, tid=0),)), Outcome.IDENTIFIED, {Remark.UNNUMBERED}),
    "transaction id 0 from another unit": (
        lambda request: Reply((mbap(IDENTITY, request, tid=0, unit=9),)),
        Outcome.SILENT,
        {Remark.STALE},
    ),
    "another unit id": (lambda request: Reply((mbap(IDENTITY, request, unit=255),)), Outcome.IDENTIFIED, {Remark.FOREIGN_UNIT}),
    "no answer": (says(), Outcome.SILENT, {Remark.SILENT}),
    "a reset": (says(then=Then.RESET), Outcome.REFUSED, {Remark.SILENT}),
    "a close": (says(then=Then.CLOSE), Outcome.REFUSED, {Remark.SILENT}),
    "a length beyond the standard": (says(b"\0\1\0\0\xff\xff\1" + b"\x2b" * 200), Outcome.MALFORMED, set()),
    "a flood": (says(STALE * 60_000), Outcome.MALFORMED, set()),
    "more for ever": (
        lambda request: Reply((mbap(IDENTITY[:4] + b"\xff\x01" + IDENTITY[6:], request),)),
        Outcome.IDENTIFIED,
        {Remark.LOOPED},
    ),
    "busy": (lambda request: Reply((mbap(b"\xab\x06", request),)), Outcome.REFUSED, set()),
    "gateway without a target": (lambda request: Reply((mbap(b"\xab\x0b", request),)), Outcome.SILENT, set()),
    "the answer twice": (lambda request: Reply((2 * mbap(IDENTITY, request),)), Outcome.IDENTIFIED, set()),
}


@pytest.mark.parametrize(("behaviour", "outcome", "remarks"), HOSTILE.values(), ids=HOSTILE.keys())
async def test_each_hostile_device_has_a_named_outcome_in_time(
    behaviour: Behaviour, outcome: Outcome, remarks: set[Remark]
) -> None:
    async with Rogue(behaviour) as rogue:
        began = monotonic()
        (answer,) = await visit(ask(rogue.port))
        took_s = monotonic() - began
        assert answer.outcome is outcome and remarks <= set(answer.remarks)
        assert rogue.connections == 1 and took_s < QUICK.visit_s
        assert bool(answer.facts) == (outcome is Outcome.IDENTIFIED)


@pytest.mark.parametrize("then", [Then.CLOSE, Then.RESET])
async def test_a_device_that_hangs_up_is_noticed_at_once(then: Then) -> None:
    async with Rogue(says(then=then)) as rogue:
        began = monotonic()
        (answer,) = await visit(ask(rogue.port, limits=Limits()))
        assert answer.outcome is Outcome.REFUSED and monotonic() - began < 1.0


async def test_registers_of_another_count_are_not_believed() -> None:
    async with Rogue(lambda request: Reply((mbap(bytes.fromhex("030402ee0001"), request),))) as rogue:
        (answer,) = await visit(ask(rogue.port, profile="wago-750"))
    assert answer.outcome is Outcome.MALFORMED and answer.facts == ()


async def test_a_wrong_answer_to_one_unit_does_not_reach_the_next() -> None:
    def late(request: bytes) -> Reply:  # unit 1 is answered only when unit 2 is asked
        if request[6] == 1:
            first.append(request)
            return Reply()
        return Reply((mbap(bytes.fromhex("2b0e028200000100044c415445"), first[0]), mbap(IDENTITY, request)))

    first: list[bytes] = []
    async with Rogue(late) as rogue:
        answers = await visit(ask(rogue.port, 1), ask(rogue.port, 2))
    assert [answer.outcome for answer in answers] == [Outcome.SILENT, Outcome.IDENTIFIED]
    assert said(answers[1])[Field.MANUFACTURER_NAME] == "ACME" and Remark.STALE in answers[1].remarks


def rtu(pdu: bytes, unit: int = 1) -> bytes:
    frame = bytes((unit,)) + pdu
    return frame + checksum(frame)


HOSTILE_RTU: dict[str, tuple[Behaviour, Outcome, set[Remark]]] = {
    "garbage": (says(b"\xff" * 40), Outcome.MALFORMED, set()),
    "garbage beyond any frame": (says(b"\x55" * 300), Outcome.MALFORMED, set()),
    "a wrong checksum": (says(rtu(IDENTITY)[:-1] + b"\0"), Outcome.MALFORMED, set()),
    "one byte after another": (says(*one_by_one(rtu(IDENTITY))), Outcome.IDENTIFIED, set()),
    "an object cut short": (says(rtu(IDENTITY[:-1])), Outcome.IDENTIFIED, {Remark.TRUNCATED}),
    "another unit": (says(rtu(IDENTITY, unit=9)), Outcome.SILENT, {Remark.FOREIGN_UNIT}),
    "another function": (says(rtu(bytes.fromhex("0302002a"))), Outcome.MALFORMED, {Remark.UNRELATED}),
    "an unknown function": (says(rtu(bytes.fromhex("4101"))), Outcome.MALFORMED, {Remark.UNRELATED}),
    "no answer": (says(), Outcome.SILENT, {Remark.SILENT}),
    "an exception": (says(rtu(b"\xab\x01")), Outcome.ANONYMOUS, set()),
}


@pytest.mark.parametrize(("behaviour", "outcome", "remarks"), HOSTILE_RTU.values(), ids=HOSTILE_RTU.keys())
async def test_each_hostile_device_on_rtu_has_a_named_outcome(
    behaviour: Behaviour, outcome: Outcome, remarks: set[Remark]
) -> None:
    async with Rogue(behaviour) as rogue:
        (answer,) = await visit(ask(rogue.port, transport=RTU))
        assert answer.outcome is outcome and remarks <= set(answer.remarks) and rogue.connections == 1


BYTES = st.one_of(
    st.binary(max_size=300),
    st.binary(max_size=60).map(lambda tail: b"\0\1\0\0\0" + bytes((len(tail) + 3,)) + b"\1\x2b\x0e" + tail),
    st.binary(max_size=60).map(lambda tail: rtu(b"\x2b\x0e" + tail)),
)


@settings(max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    chunks=st.lists(BYTES, max_size=4),
    then=st.sampled_from(Then),
    transport=st.sampled_from([TCP, RTU]),
    profile=st.sampled_from(["", "wago-750"]),
)
def test_any_bytes_from_a_server_become_an_answer(chunks: list[bytes], then: Then, transport: Transport, profile: str) -> None:
    async def run() -> Answer:
        limits = Limits(connect_timeout_s=0.5, response_timeout_s=0.01, gap_s=0.0, visit_s=0.5)
        async with Rogue(says(*chunks, then=then)) as rogue:
            (answer,) = await visit(ask(rogue.port, transport=transport, limits=limits, profile=profile))
        return answer

    answer = asyncio.run(run())
    assert isinstance(answer.outcome, Outcome) and answer.detail
    assert bool(answer.facts) == (answer.outcome is Outcome.IDENTIFIED)


async def test_a_serial_line_is_read_like_any_other() -> None:
    pytest.importorskip("serial", reason="serial lines need pyserial")
    ours, theirs = os.openpty()
    loop = asyncio.get_running_loop()

    def answer_one() -> None:
        requests.append(os.read(ours, 256))
        os.write(ours, rtu(IDENTITY, unit=7))

    requests: list[bytes] = []
    loop.add_reader(ours, answer_one)
    endpoint = Endpoint(transport=Transport.MODBUS_RTU, host=os.ttyname(theirs), unit=7, baud=19200, parity="N")
    try:
        (answer,) = await visit(Ask(endpoint=endpoint, limits=QUICK))
    finally:
        loop.remove_reader(ours)
        os.close(ours)
        os.close(theirs)
    assert answer.outcome is Outcome.IDENTIFIED and requests == [rtu(bytes.fromhex("2b0e0200"), unit=7)]
    assert answer.ledger.connections == 1


async def test_a_serial_port_that_is_not_there_is_unreachable() -> None:
    pytest.importorskip("serial", reason="serial lines need pyserial")
    endpoint = Endpoint(transport=Transport.MODBUS_RTU, host="/dev/no-such-port", unit=7)
    (answer,) = await visit(Ask(endpoint=endpoint, limits=QUICK))
    assert answer.outcome is Outcome.UNREACHABLE
