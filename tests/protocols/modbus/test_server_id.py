"""Report server id: one question, and what came is what there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.modbus.dialogue import Remark, hold
from protocols.modbus.server_id import ServerId, report_server_id


def said(answer: bytes) -> ServerId:
    asked: list[bytes] = []

    def exchange(request: bytes) -> bytes:
        asked.append(request)
        return answer

    found = hold(report_server_id(), exchange)
    assert asked == [b"\x11"]
    return found


def test_everything_behind_the_count_is_kept_the_run_indicator_included() -> None:
    assert said(bytes.fromhex("1104faff4142")) == ServerId(b"\xfa\xffAB", None, frozenset())


@pytest.mark.parametrize("count", ["00", "03", "ff"])
def test_a_wrong_count_is_remarked_and_the_bytes_decide(count: str) -> None:
    assert said(bytes.fromhex(f"11{count}faff4142")) == ServerId(b"\xfa\xffAB", None, frozenset({Remark.MISCOUNTED}))


@pytest.mark.parametrize(
    ("answer", "refusal", "remarks"),
    [("9101", 1, set()), ("", None, {Remark.SILENT}), ("11", None, {Remark.UNRELATED}), ("0302002a", None, {Remark.UNRELATED})],
)
def test_what_is_no_report_has_a_name(answer: str, refusal: int | None, remarks: set[Remark]) -> None:
    assert said(bytes.fromhex(answer)) == ServerId(b"", refusal, frozenset(remarks))


@given(st.binary(max_size=260))
def test_any_bytes_become_a_server_id(answer: bytes) -> None:
    assert len(said(answer).data) <= 258
