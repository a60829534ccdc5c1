"""One read, one answer of exactly its length: everything else is a remark and no register."""

import pytest

from protocols.modbus.dialogue import Refusal, Remark, hold
from protocols.modbus.registers import Asking, Registers, ask
from protocols.profile_form import Read

READ = Read(fc=3, addr=100, count=2)


def answered(answer: str, base: int = 0) -> tuple[Registers, Asking]:
    asking = Asking(2)
    return hold(ask(READ, base, asking), lambda _request: bytes.fromhex(answer)), asking


def test_an_exact_answer_is_its_registers() -> None:
    registers, asking = answered("0304002a0001")
    assert registers == {100: b"\0\x2a", 101: b"\0\1"} and (asking.requests, asking.over) == (1, False)


def test_the_base_is_added_to_the_question_and_not_to_the_answer() -> None:
    asked: list[bytes] = []

    def exchange(request: bytes) -> bytes:
        asked.append(request)
        return bytes.fromhex("0304002a0001")

    assert set(hold(ask(READ, 40_000, Asking(1)), exchange)) == {100, 101}
    assert asked == [bytes.fromhex("039ca40002")]


@pytest.mark.parametrize(
    "answer",
    ["0404002a0001", "0302002a", "0304002a", "0304002a000100", "0306002a00010002", "83", "830200", "2b0e0101000000"],
    ids=["function", "fewer", "short", "long", "more", "bare", "fat exception", "other"],
)
def test_an_answer_that_is_not_exactly_to_the_question_is_none(answer: str) -> None:
    registers, asking = answered(answer)
    assert registers == {} and asking.remarks == {Remark.UNRELATED} and asking.over


def test_a_register_that_is_not_there_is_no_reason_to_stop() -> None:
    registers, asking = answered("8302")
    assert registers == {} and asking.refusal == Refusal.ILLEGAL_ADDRESS and not asking.over


@pytest.mark.parametrize("answer", ["8306", "8301", "830b", ""], ids=["busy", "no such function", "gateway", "silence"])
def test_an_unwilling_or_silent_device_is_not_asked_again(answer: str) -> None:
    assert answered(answer)[1].over


def test_the_budget_ends_the_asking() -> None:
    assert Asking(2, requests=2).over
