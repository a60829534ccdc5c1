"""Roles live until a signal; a lone role's failure is the process's, one of several rests while the others go on.

The watchdog is told that all is well while every task keeps its word, and not a moment longer.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import service
from agent.core.again import Again
from agent.ending import EndedError, Exit
from agent.service import Running


def ended_by(number: int, after_s: float = 0.05) -> service.Role:
    async def role(running: Running) -> None:
        await asyncio.sleep(after_s)
        os.kill(os.getpid(), number)
        await asyncio.Event().wait()

    return role


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield manager


def told(manager: socket.socket) -> list[str]:
    """Everything that the service manager was told so far."""
    manager.setblocking(False)
    states: list[str] = []
    try:
        while True:
            states += manager.recv(8192).decode().split("\n")
    except BlockingIOError:
        return states


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_every_role_and_lets_it_finish(number: int) -> None:
    finished: list[str] = []

    async def tidy(running: Running) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            finished.append("tidy")

    service.run({"tidy": tidy, "kill": ended_by(number)})
    assert finished == ["tidy"]


def test_failure_of_a_lone_role_reaches_the_caller_out_of_its_task_groups() -> None:
    async def role(running: Running) -> None:
        async with asyncio.TaskGroup() as outer:
            outer.create_task(nested())

    async def nested() -> None:
        async with asyncio.TaskGroup() as inner:
            inner.create_task(fail())

    async def fail() -> None:
        raise ValueError("deep down")

    with pytest.raises(ValueError, match="deep down"):
        service.run({"role": role})


async def failing(running: Running) -> None:
    running.pulse.beat("fold", -1.0, now_s=0.0)  # overdue already, if anybody still asked
    raise ValueError("no\nkey")


def test_failure_of_one_role_leaves_the_other_running() -> None:
    steps: list[int] = []

    async def collect(running: Running) -> None:
        for step in range(3):
            await asyncio.sleep(0.03)
            steps.append(step)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()

    service.run({"publish": failing, "collect": collect})
    assert steps == [0, 1, 2]


def test_role_that_ends_leaves_word_why_in_one_line() -> None:
    words: dict[str, list[str]] = {"publish": [], "collect": []}

    async def publish(running: Running) -> None:
        running.leave_word = words["publish"].append
        await failing(running)

    async def collect(running: Running) -> None:
        running.leave_word = words["collect"].append
        await ended_by(signal.SIGTERM)(running)

    service.run({"publish": publish, "collect": collect})
    first, last = words["publish"]
    assert first.startswith("failed and is tried again after 60 s: ValueError: no key, at agent/test_service.py:")
    assert last.startswith("ValueError: no key")  # nobody tries it any more
    assert words["collect"] == ["told to stop"]


def test_ready_is_said_once_all_roles_are_ready_or_have_failed(manager: socket.socket) -> None:
    async def slow(running: Running) -> None:
        await asyncio.sleep(0.05)
        running.ready()
        await ended_by(signal.SIGTERM, 0)(running)

    service.run({"collect": slow, "publish": unfit})
    assert told(manager) == ["READY=1", "STATUS=running collect; publish has ended: no key", "STOPPING=1"]


async def unfit(running: Running) -> None:
    raise EndedError("no key", Exit.CONFIG)


async def broken(running: Running) -> None:
    raise OSError("no disk")


AT_ONCE = {name: Again(pause_s=0.01) for name in ("collect", "publish")}


def test_a_role_that_another_attempt_may_mend_is_tried_again_beside_the_one_that_works(
    manager: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    attempts: list[Running] = []

    async def publish(running: Running) -> None:
        attempts.append(running)
        if len(attempts) < 3:
            raise ValueError("a bug")
        running.ready()
        await ended_by(signal.SIGTERM)(running)

    async def collect(running: Running) -> None:
        running.ready()
        await asyncio.Event().wait()

    service.run({"collect": collect, "publish": publish}, AT_ONCE)
    said = [state for state in told(manager) if state.startswith("STATUS=")]
    assert said[0].startswith("STATUS=running collect; publish failed and is tried again after 0.01 s: ValueError: a bug, at ")
    assert said[-1] == "STATUS=running collect and publish"
    lines = [record.getMessage() for record in caplog.records]
    assert [line.partition(" where=")[0] for line in lines] == ["role.failed role='publish' code=70 why='ValueError: a bug'"] * 2
    assert "test_service.py:" in lines[0]


def test_a_role_that_only_a_person_can_mend_is_not_tried_again() -> None:
    attempts: list[str] = []

    async def publish(running: Running) -> None:
        attempts.append(running.name)
        await unfit(running)

    service.run({"publish": publish, "collect": ended_by(signal.SIGTERM, 0.2)}, AT_ONCE)
    assert attempts == ["publish"]


@pytest.mark.parametrize("role", [unfit, broken], ids=["for-good", "perhaps-not"])
def test_a_process_in_which_no_role_works_any_more_ends_with_their_reason(role: service.Role) -> None:
    with pytest.raises((EndedError, OSError), match=r"no key|no disk"):
        service.run({"collect": role, "publish": role}, {name: Again(pause_s=60.0) for name in ("collect", "publish")})


def test_a_role_that_may_do_better_is_tried_beside_one_that_ended_for_good_until_that_is_no_accident_any_more() -> None:
    attempts: list[str] = []

    async def publish(running: Running) -> None:
        attempts.append(running.name)
        await broken(running)

    with pytest.raises(EndedError, match="no key"):
        service.run({"collect": unfit, "publish": publish}, {"publish": Again(pause_s=0.01, most=4)})
    assert len(attempts) == 4


def test_what_a_role_waits_for_stands_in_the_status_until_it_is_over(manager: socket.socket) -> None:
    async def role(running: Running) -> None:
        running.waits = lambda: "waits for the disk"
        running.ready()
        running.waits = str
        running.ready()
        await ended_by(signal.SIGTERM)(running)

    service.run({"collect": role})
    assert told(manager)[:3] == ["READY=1", "STATUS=collect waits for the disk", "STATUS=running collect"]


def test_hangup_lets_every_role_read_the_plant_file_again_and_says_what_is_wrong(manager: socket.socket) -> None:
    asked: list[str] = []

    async def role(running: Running) -> None:
        def follow() -> str:
            asked.append(running.name)
            return "plant file refused"

        running.follow = follow
        running.ready()
        os.kill(os.getpid(), signal.SIGHUP)
        await ended_by(signal.SIGTERM)(running)

    service.run({"collect": role})
    said = told(manager)
    assert asked == ["collect"]
    begin = said.index("RELOADING=1")
    assert said[begin + 1].removeprefix("MONOTONIC_USEC=").isdecimal()
    assert said[begin + 2 :][:2] == ["READY=1", "STATUS=running collect; plant file refused"]


def test_hangup_before_a_role_is_ready_ends_nothing() -> None:
    async def role(running: Running) -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        await ended_by(signal.SIGTERM)(running)

    service.run({"collect": role})


HANGING = """
import asyncio, sys, time
from agent import log, service
log.to_stderr()
async def role(running):
    now_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    running.pulse.beat("schedule", 1000.0, now_s)
    running.pulse.beat("visit 10.0.0.7", 0.5, now_s)
    running.ready()
    {hang}
service.run({{"collect": role}})
"""


def watched(hang: str, folder: Path) -> tuple[subprocess.Popen[str], socket.socket]:
    """A real process with a watchdog of 0.4 s, and a role that hangs."""
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(folder / "notify"))
    manager.settimeout(10)
    environment = os.environ | {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "400000"}
    command = [sys.executable, "-c", HANGING.format(hang=hang)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    while b"READY=1" not in manager.recv(4096):
        pass
    return process, manager


@pytest.mark.parametrize("hang", ["await asyncio.Event().wait()", "time.sleep(600)"], ids=["a-task", "the-loop"])
def test_the_watchdog_of_a_real_process_starves_when_something_hangs(hang: str, tmp_path: Path) -> None:
    process, manager = watched(hang, tmp_path)
    with manager:
        time.sleep(1.0)
        told(manager)
        time.sleep(0.8)
        assert "WATCHDOG=1" not in told(manager)
        process.send_signal(signal.SIGABRT)  # what systemd does then
        _, complaint = process.communicate(timeout=10)
    assert process.returncode == -signal.SIGABRT
    assert "Fatal Python error: Aborted" in complaint  # where it hung
    assert ("task.overdue tasks='visit 10.0.0.7'" in complaint) == ("Event" in hang)


def test_the_watchdog_is_fed_several_times_within_its_time_while_all_is_well(tmp_path: Path) -> None:
    alive = "running.pulse.over('visit 10.0.0.7'); await asyncio.Event().wait()"
    process, manager = watched(alive, tmp_path)
    with manager:
        time.sleep(1.2)
        assert told(manager).count("WATCHDOG=1") >= 6
        process.terminate()
        process.communicate(timeout=10)
    assert process.returncode == 0
