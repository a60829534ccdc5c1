"""Devices in a chain of blocks: found within the budget, remembered, and never believed at a place that holds another block."""

from collections.abc import Collection

import pytest

from protocols.modbus.dialogue import hold
from protocols.modbus.readout import Readout, read_out
from protocols.profile import bundled
from protocols.profile_rules import RESERVED

SUNSPEC = bundled()["sunspec"]


def common(name: str) -> bytes:
    words = (b"ACME".ljust(32, b"\0"), name.encode().ljust(32, b"\0"), bytes(16), b"1.0".ljust(16, b"\0"), b"SN".ljust(32, b"\0"))
    return b"\0\1\0\x42" + b"".join(words) + bytes(4)


def block(model: int, length: int) -> bytes:
    return model.to_bytes(2, "big") + length.to_bytes(2, "big") + bytes(2 * length)


def device(*blocks: bytes, base: int = 40_000) -> dict[int, bytes]:
    content = b"SunS" + b"".join(blocks) + b"\xff\xff\0\0"
    return {base + at // 2: content[at : at + 2] for at in range(0, len(content), 2)}


def visit(registers: dict[int, bytes], learned: Collection[str] = (), max_requests: int = 6) -> tuple[Readout, list[int]]:
    asked: list[int] = []

    def exchange(request: bytes) -> bytes:
        first, count = int.from_bytes(request[1:3], "big"), request[4]
        asked.append(first)
        found = [registers.get(first + at) for at in range(count)]
        return b"\x83\x02" if None in found else bytes((3, 2 * count)) + b"".join(word for word in found if word)

    return hold(read_out(SUNSPEC, learned, max_requests=max_requests), exchange), asked


def names(readout: Readout) -> list[str]:
    return [child.facts[1].value for child in readout.children]


def test_a_device_alone_is_followed_to_the_end_once_and_costs_one_request_after() -> None:
    registers = device(common("one"), block(103, 50))
    readout, asked = visit(registers)
    assert readout.children == () and len(asked) == 3 and readout.learned == ("base=40000", "chain-end")
    assert visit(registers, readout.learned)[1] == [40_000]


def test_further_devices_are_found_and_next_time_read_at_once() -> None:
    registers = device(common("one"), block(103, 50), common("two"), common("three"))
    readout, asked = visit(registers)
    assert names(readout) == ["two", "three"] and len(asked) == 6
    assert [child.key for child in readout.children] == ["register 40122", "register 40190"]
    again, asked = visit(registers, readout.learned)
    assert names(again) == ["two", "three"] and asked[:3] == [40_000, 40_122, 40_190]


def test_a_long_chain_is_walked_over_several_visits() -> None:
    registers = device(common("one"), *(block(model, 10) for model in range(200, 212)), common("two"))
    learned: tuple[str, ...] = ()
    spent = []
    for _ in range(5):
        readout, asked = visit(registers, learned)
        learned = readout.learned
        spent.append(len(asked))
    assert names(readout) == ["two"] and "chain-end" in learned
    assert max(spent) == 6 and spent[-1] == 2


def test_a_place_that_now_holds_another_block_is_not_believed() -> None:
    readout, _ = visit(device(common("one"), block(103, 80)), ("base=40000", "block=40122", "chain-end"))
    assert readout.matched and readout.children == ()


def test_a_map_that_has_moved_is_walked_anew() -> None:
    readout, _ = visit(device(common("one"), common("two"), base=50_000), ("base=40000", "block=41000", "chain-end"))
    assert names(readout) == ["two"] and readout.learned[0] == "base=50000"


def test_a_chain_that_ends_without_saying_so_ends() -> None:
    registers = {address: word for address, word in device(common("one")).items() if address < 40_070}
    readout, asked = visit(registers)
    assert len(asked) == 2 and readout.learned == ("base=40000", "chain-end") and visit(registers, readout.learned)[1] == [40_000]


def test_a_length_beyond_the_last_register_ends_the_chain() -> None:
    readout, asked = visit(device(common("one"), b"\0\x67\xff\xff"))
    assert len(asked) == 2 and "chain-end" in readout.learned


@pytest.mark.parametrize("following", [0x1026, 0x1027, 0x2040, 0x113C])
def test_a_chain_that_leads_to_a_register_with_an_effect_is_not_followed(following: int) -> None:
    length = following - 2 - 68 - 2
    registers = device(common("one"), b"\0\x67" + length.to_bytes(2, "big"), base=0)
    readout, asked = visit(dict.fromkeys(range(0x3000), b"\0\1") | registers, ("base=0",))
    assert readout.matched and asked == [0, 70] and "chain-end" in readout.learned


def test_no_remembered_place_leads_to_a_register_with_an_effect() -> None:
    registers = dict.fromkeys(range(0x3000), b"\0\1") | device(common("one"), base=0)
    _, asked = visit(registers, ("base=0", "block=4128", "block=4100", "next=4135"))
    read = {
        register for first, count in zip(asked, [68, 2, 2, 2, 2, 2], strict=False) for register in range(first, first + count)
    }
    assert 4100 not in asked and 4128 not in asked and read.isdisjoint(RESERVED)


def test_a_chain_that_does_not_get_on_stays_within_the_budget() -> None:
    readout, asked = visit(device(common("one"), *(block(103, 0) for _ in range(200))))
    assert len(asked) == 6 and "chain-end" not in readout.learned


def test_hostile_lessons_are_passed_over() -> None:
    learned = ("base=40000", "block=99999", "block=-1", "next=65535", "block=65534", "next=\u0661")
    readout, asked = visit(device(common("one")), learned)
    assert readout.matched and len(asked) <= 6
