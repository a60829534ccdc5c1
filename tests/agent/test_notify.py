"""What systemd is told arrives on its socket; without systemd nothing happens, and nothing ever fails."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.notify import LEAST_PATIENCE_S, notify, patience, patience_s, reloading, watchdog_s


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield manager


def test_states_arrive_as_lines(manager: socket.socket) -> None:
    notify("READY=1", "STATUS=running collect")
    assert manager.recv(1000) == b"READY=1\nSTATUS=running collect"


def test_without_a_service_manager_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")


def test_service_manager_that_went_away_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    notify("READY=1")


def test_reload_is_announced_with_the_time_that_systemd_compares(manager: socket.socket) -> None:
    reloading()
    state, when = manager.recv(1000).decode().split("\n")
    assert state == "RELOADING=1"
    assert int(when.removeprefix("MONOTONIC_USEC=")) > 0


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "120000000"}, 120.0),
        ({"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": str(os.getpid())}, 120.0),
        ({"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_watchdog_is_ours_only_if_it_names_this_process(
    environment: dict[str, str], told: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert watchdog_s() == told


def test_larger_files_get_more_time() -> None:
    assert patience_s(0) == LEAST_PATIENCE_S
    assert patience_s(64 * 1024**3) > 15 * 3600


def test_opening_a_file_asks_for_time_and_gives_the_watchdog_back(
    manager: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "120000000")
    (tmp_path / "outbox.db").write_bytes(bytes(3_000_000))
    with patience(tmp_path / "outbox.db", tmp_path / "missing"):
        assert manager.recv(1000) == b"EXTEND_TIMEOUT_USEC=123000000\nWATCHDOG_USEC=123000000"
    assert manager.recv(1000) == b"WATCHDOG_USEC=120000000"


def test_opening_a_file_that_fails_gives_the_watchdog_back_too(
    manager: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "120000000")
    with pytest.raises(OSError), patience(tmp_path / "missing"):
        raise OSError("no space")
    manager.recv(1000)
    assert manager.recv(1000) == b"WATCHDOG_USEC=120000000"
