"""A killed parent takes its children along."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PARENT = """
import os, subprocess, sys
from functools import partial
from protocols.lifeline import end_with_parent
child = subprocess.Popen(["sleep", "600"], preexec_fn=partial(end_with_parent, {parent}))
print(child.pid, flush=True)
child.wait()
"""


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has buried yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ends(pid: int, within_s: float = 5.0) -> bool:
    end = time.monotonic() + within_s
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not is_alive(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has this")
def test_child_of_a_killed_parent_ends() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT.format(parent="os.getpid()")], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert is_alive(child)
    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate()
    assert ends(child)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has this")
def test_child_whose_parent_was_gone_before_ends_at_once() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT.format(parent="1")], stdout=subprocess.PIPE, text=True)
    child, _ = parent.communicate(timeout=10)
    assert ends(int(child))
