"""Whether a time server disciplines the clock: from what the kernel answers, and as a sign for roles that may not ask it."""

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from agent.discipline import UNKNOWN_ERROR_US, ask_kernel, leave_sign, main, max_error_us


@pytest.mark.parametrize(
    ("answer", "disciplined"),
    [(0, True), (250, True), (UNKNOWN_ERROR_US - 1, True), (UNKNOWN_ERROR_US, False), (2 * UNKNOWN_ERROR_US, False), (-1, False)],
    ids=["exact", "chrony", "about-to-be-lost", "never", "lost", "nonsense"],
)
def test_the_largest_error_decides(answer: int, disciplined: bool) -> None:
    assert ask_kernel(lambda: answer) is disciplined


def test_a_kernel_that_may_not_be_asked_vouches_for_nothing() -> None:
    assert ask_kernel(lambda: None) is False


@pytest.mark.skipif(sys.platform != "linux" or ctypes.sizeof(ctypes.c_long) != 8, reason="the layout of 64-bit Linux")
def test_the_real_kernel_gives_an_error_that_timedatectl_would_judge_the_same() -> None:
    error_us = max_error_us()
    assert error_us is None or 0 <= error_us <= 1_000_000_000


def test_the_sign_is_there_while_the_clock_is_disciplined(tmp_path: Path) -> None:
    sign = tmp_path / "synchronized"
    leave_sign(sign, disciplined=False)
    assert not sign.exists()
    leave_sign(sign, disciplined=True)
    leave_sign(sign, disciplined=True)
    assert sign.exists()
    leave_sign(sign, disciplined=False)
    assert not sign.exists()


def test_the_command_leaves_what_the_kernel_says(tmp_path: Path) -> None:
    sign = tmp_path / "synchronized"
    assert main([str(sign)]) == 0
    assert sign.exists() is ask_kernel()
    subprocess.run([sys.executable, "-I", "-m", "agent.discipline", str(sign)], check=True)
    assert sign.exists() is ask_kernel()
