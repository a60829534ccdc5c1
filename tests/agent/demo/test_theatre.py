"""The house: it plays in an empty folder or not at all, and when somebody has seen enough it leaves no process behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from agent.demo.theatre import run

DEMO = (sys.executable, "-I", "-m", "agent", "demo")


def test_folder_with_something_in_it_is_not_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "somebody's file").touch()
    assert run(seconds=30, broker="embedded", keep=tmp_path, as_object=True) == 64
    assert "is not empty" in capsys.readouterr().err


def test_length_of_the_play_has_its_bounds() -> None:
    ended = subprocess.run([*DEMO, "--seconds", "5"], capture_output=True, text=True, check=False)
    assert ended.returncode == 64
    assert "30 to 3600" in ended.stderr


def test_interrupt_ends_every_process(tmp_path: Path) -> None:
    demo = subprocess.Popen([*DEMO, "--broker", "embedded", "--keep", tmp_path / "demo"], stdout=subprocess.PIPE, text=True)
    try:
        assert demo.stdout is not None
        assert any("meets the plant" in line for line in demo.stdout)
        children = psutil.Process(demo.pid).children(recursive=True)
        assert len(children) >= 4
        demo.send_signal(signal.SIGINT)
        assert demo.wait(timeout=20) == 130
        assert not any(alive(child.pid) for child in children)
    finally:
        demo.kill()
        demo.wait()
        demo.stdout.close()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
