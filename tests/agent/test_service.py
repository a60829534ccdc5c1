"""Roles live until a signal; a lone role's failure is the process's, one of several rests while the others go on."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from agent import service

Ready = Callable[[], None]


def ended_by(number: int, after_s: float = 0.05) -> service.Role:
    async def role(ready: Ready) -> None:
        await asyncio.sleep(after_s)
        os.kill(os.getpid(), number)
        await asyncio.Event().wait()

    return role


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_every_role_and_lets_it_finish(number: int) -> None:
    finished: list[str] = []

    async def tidy(ready: Ready) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            finished.append("tidy")

    service.run({"tidy": tidy, "kill": ended_by(number)})
    assert finished == ["tidy"]


def test_failure_of_a_lone_role_reaches_the_caller_out_of_its_task_groups() -> None:
    async def role(ready: Ready) -> None:
        async with asyncio.TaskGroup() as outer:
            outer.create_task(nested())

    async def nested() -> None:
        async with asyncio.TaskGroup() as inner:
            inner.create_task(fail())

    async def fail() -> None:
        raise ValueError("deep down")

    with pytest.raises(ValueError, match="deep down"):
        service.run({"role": role})


def test_failure_of_one_role_leaves_the_other_running() -> None:
    steps: list[int] = []

    async def fail(ready: Ready) -> None:
        raise ValueError("no key")

    async def collect(ready: Ready) -> None:
        for step in range(3):
            await asyncio.sleep(0.03)
            steps.append(step)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()

    service.run({"publish": fail, "collect": collect})
    assert steps == [0, 1, 2]


def test_ready_is_said_once_all_roles_are_ready_or_have_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def slow(ready: Ready) -> None:
        await asyncio.sleep(0.05)
        ready()
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()

    async def fail(ready: Ready) -> None:
        raise ValueError("no key")

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        service.run({"collect": slow, "publish": fail})
        assert manager.recv(1000) == b"READY=1\nSTATUS=running collect and publish"
        assert manager.recv(1000) == b"STOPPING=1"
