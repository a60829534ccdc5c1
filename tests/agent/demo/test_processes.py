"""Processes: one that dies is started again, one that is stopped stays dead, and cancelling ends all of them."""

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.demo import processes
from agent.demo.processes import Child, ChildError, free_port, tail, wait_for_port

SLEEPER = (sys.executable, "-I", "-c", "import time; print('ready', flush=True); time.sleep(60)")
STUBBORN = (
    sys.executable,
    "-I",
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)",
)


async def until(condition, timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@asynccontextmanager
async def supervised(child: Child):
    task = asyncio.create_task(child.supervise())
    child.start()
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "child.log"


async def test_process_that_is_killed_by_somebody_is_started_again(log: Path) -> None:
    child = Child("sleeper", SLEEPER, log)
    async with supervised(child):
        await until(lambda: child.pid)
        first = child.pid
        os.kill(first, signal.SIGKILL)
        await until(lambda: child.pid and child.pid != first)
        assert child.deaths == 1


async def test_process_that_we_kill_stays_dead_until_it_is_wanted_again(log: Path) -> None:
    child = Child("sleeper", SLEEPER, log)
    async with supervised(child):
        await until(lambda: child.pid)
        await child.kill()
        await asyncio.sleep(2 * processes.RESTART_AFTER_S)
        assert (child.pid, child.deaths) == (None, 0)
        child.start()
        await until(lambda: child.pid)


async def test_stopped_process_ends_and_is_no_death(log: Path) -> None:
    child = Child("sleeper", SLEEPER, log)
    async with supervised(child):
        await until(lambda: child.pid)
        await child.stop(patience_s=5)
        assert (child.pid, child.deaths) == (None, 0)


async def test_process_that_ignores_the_request_to_end_is_killed(log: Path) -> None:
    child = Child("stubborn", STUBBORN, log)
    async with supervised(child):
        await until(lambda: "ready" in tail(log))
        pid = child.pid
        await child.stop(patience_s=0.2)
    assert not alive(pid)


async def test_cancelling_the_supervisor_ends_the_process(log: Path) -> None:
    child = Child("sleeper", SLEEPER, log)
    async with supervised(child):
        await until(lambda: child.pid)
        pid = child.pid
    assert not alive(pid)


async def test_process_that_cannot_live_is_given_up_with_the_end_of_its_log(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "MAX_DEATHS", 1)
    child = Child("broken", (sys.executable, "-I", "-c", "raise SystemExit('no key')"), log)
    with pytest.raises(ChildError, match="no key"):
        async with supervised(child) as task, asyncio.timeout(10):
            await task


async def test_port_nobody_listens_on_is_said_to_be_closed_in_time() -> None:
    assert not await wait_for_port(free_port(), timeout_s=0.2)


def test_log_that_does_not_exist_has_no_end(tmp_path: Path) -> None:
    assert tail(tmp_path / "none.log") == ""


async def test_children_end_even_where_nobody_is_left_to_end_them(tmp_path: Path) -> None:
    parent = """
import asyncio, sys
from pathlib import Path
from agent.demo.processes import Child
async def main():
    child = Child("sleeper", ("sleep", "600"), Path(sys.argv[1]))
    child.start()
    watch = asyncio.create_task(child.supervise())
    while child.pid is None:
        await asyncio.sleep(0.01)
    print(child.pid, flush=True)
    await watch
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", parent, str(tmp_path / "log"), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    child = Path("/proc", (await process.stdout.readline()).decode().strip())
    assert child.exists()
    process.kill()
    await process.wait()
    async with asyncio.timeout(5):
        while child.exists() and (child / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
            await asyncio.sleep(0.02)
