"""This machine's clocks, read for real; and how far the wall clock is believed, with answers that are given."""

from pathlib import Path

import pytest

from agent import clock
from agent.clock import boot_id, is_disciplined, now_and_then, system_clock
from agent.core.moment import ClockState, elapsed_s


def test_uptime_moves_forward_within_one_boot() -> None:
    now = system_clock()
    first, second = now(), now()
    assert first.boot == second.boot
    assert elapsed_s(first, second) >= 0
    assert second.at_s > 1_700_000_000


def test_a_clock_that_was_disciplined_once_holds_over_and_one_that_never_was_does_not() -> None:
    answers = iter([False, True, False])
    now = system_clock(lambda: next(answers))
    assert [now().clock for _ in range(3)] == [ClockState.UNSYNC, ClockState.SYNC, ClockState.HOLDOVER]


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"], ids=["missing", "empty", "garbage"])
def test_boot_of_which_the_kernel_tells_no_id_is_one_of_its_own_for_the_life_of_the_process(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "BOOT_ID", tmp_path / "boot_id")
    if content is not None:
        (tmp_path / "boot_id").write_bytes(content)
    first, second = system_clock()(), system_clock()()
    assert first.boot == second.boot != boot_id(tmp_path / "another")
    assert elapsed_s(first, second) >= 0


def test_a_clock_before_the_program_was_made_is_not_believed_even_if_it_is_kept() -> None:
    times = iter([clock.MADE_S - 1, clock.MADE_S])
    now = system_clock(lambda: True, at_s=lambda: next(times))
    assert [now().clock for _ in range(2)] == [ClockState.UNSYNC, ClockState.SYNC]


def test_whether_the_clock_is_kept_is_looked_at_once_a_second_at_the_most() -> None:
    looks, moments = iter([False, True]), iter([5.0, 5.9, 6.0, 6.5])
    lately = now_and_then(lambda: next(looks), lambda: next(moments))
    assert [lately() for _ in range(4)] == [False, False, True, True]


@pytest.mark.parametrize("which", [0, 1], ids=["timesyncd", "any-other"])
def test_inside_a_unit_each_sign_is_enough_and_the_kernel_is_not_asked(
    which: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signs = (tmp_path / "timesyncd", tmp_path / "ours")
    monkeypatch.setenv("INVOCATION_ID", "0")
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere")
    monkeypatch.setattr(clock, "SIGNS", signs)
    synchronized = is_disciplined()
    assert not synchronized()
    signs[which].touch()
    assert synchronized()
