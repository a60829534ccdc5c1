"""A role as systemd starts it: a real process, a notify socket of its own, its lines on standard error, its word for `status`."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

HEAD = """
[plant]
id = "werk-ulm"
[gateway]
id = "gw-halle3"
state_dir = "state"
[broker]
url = "mqtt://127.0.0.1:{broker}"
[collect]
identity_interval_s = {interval}
backoff_first_s = 1
backoff_longest_s = 2
connect_timeout_s = 1
response_timeout_s = 0.5
gap_ms = 0
visit_s = 2
"""
MAIN = "import sys; from agent.__main__ import main; sys.exit(main())"
ASSET = '[[asset]]\nid = "{name}"\naddress = "{address}"\n'


def plant(folder: Path, *assets: tuple[str, str], broker: int = 1, interval: int = 3600, more: str = "") -> Path:
    """Write a plant file."""
    file = folder / "plant.toml"
    text = HEAD.format(broker=broker, interval=interval) + more
    file.write_text(text + "".join(ASSET.format(name=name, address=address) for name, address in assets))
    return file


def command(*words: str | Path, run_dir: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command of the gateway to its end."""
    called = [sys.executable, "-I", "-m", "agent", *map(str, words)]
    environment = {**os.environ, **({"RUNTIME_DIRECTORY": str(run_dir / "status")} if run_dir else {})}
    return subprocess.run(called, capture_output=True, text=True, timeout=30, check=False, env=environment)


class Role:
    """A running role.

    Args:
        name: Which, or `run` for both in one process.
        file: The plant file.
        watchdog_s: How often the service manager wants to hear from it.
        run_dir: Where the folders of `RuntimeDirectory=` are, if there are any.
        first: Python that its process runs before anything else.
        as_unit: Whether it believes that systemd started it.
        under: A program that makes surroundings and becomes the role.
    """

    def __init__(
        self,
        name: str,
        file: Path,
        *,
        watchdog_s: float = 0.0,
        run_dir: Path | None = None,
        first: str = "",
        as_unit: bool = False,
        under: Sequence[str] = (),
    ) -> None:
        self.file, self.run_dir = file, run_dir
        address = file.with_name(f"{name}.notify")
        address.unlink(missing_ok=True)
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(str(address))
        self.log_file = file.with_name(f"{name}.log")
        environment = {**os.environ, "NOTIFY_SOCKET": str(address)}
        if watchdog_s:
            environment["WATCHDOG_USEC"] = str(int(watchdog_s * 1e6))
        if run_dir:
            (run_dir / name).mkdir(parents=True, exist_ok=True)
            environment["RUNTIME_DIRECTORY"] = str(run_dir / name)
        if as_unit:
            environment["INVOCATION_ID"] = "1"
        program = ["-c", f"{first}\n{MAIN}"] if first else ["-m", "agent"]
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [*under, sys.executable, "-I", *program, name, "--config", str(file)], env=environment, stderr=log
            )

    def heard(self, wanted: str, *, within_s: float = 15.0) -> list[str]:
        """Wait until the service manager is told something; return all states up to there."""
        states: list[str] = []
        end = time.monotonic() + within_s
        while not any(state.startswith(wanted) for state in states):
            self.manager.settimeout(max(0.01, end - time.monotonic()))
            try:
                states += self.manager.recv(8192).decode().split("\n")
            except TimeoutError as error:
                raise AssertionError(f"not told {wanted!r}, but {states}; log: {self.log}") from error
        return states

    def silent(self, word: str, for_s: float) -> bool:
        """Tell whether the service manager is not told something for a while."""
        try:
            self.heard(word, within_s=for_s)
        except AssertionError:
            return True
        return False

    @property
    def log(self) -> str:
        """Its lines so far."""
        return self.log_file.read_text()

    def reload(self) -> list[str]:
        """Let it read the plant file again; return what the service manager was told of it."""
        self.drain()
        self.process.send_signal(signal.SIGHUP)
        return self.heard("READY=1")

    def drain(self) -> None:
        """Forget what the service manager was told so far."""
        self.manager.setblocking(False)
        try:
            while True:
                self.manager.recv(8192)
        except BlockingIOError:
            return

    def end(self) -> int:
        """Tell it to stop; return its exit code."""
        self.process.terminate()
        return self.wait()

    def wait(self) -> int:
        """Wait for its end; return its exit code."""
        code = self.process.wait(15)
        self.manager.close()
        return code

    def status(self) -> dict[str, object]:
        """What `nameplated status` says."""
        shown: dict[str, object] = json.loads(command("status", "--config", self.file, "--json", run_dir=self.run_dir).stdout)
        return shown


class Isms:
    """What the newest health report at a real broker says, as it was signed."""

    def __init__(self, port: int, folder: Path) -> None:
        self.file = folder / "health.jws"
        words = ["mosquitto_sub", "-V", "5", "-p", str(port), "-t", "nameplated/v1/werk-ulm/gw-halle3/health"]
        with self.file.open("wb") as file:
            self.process = subprocess.Popen(words, stdout=file)

    def health(self) -> dict[str, Any]:
        """The newest, or nothing."""
        lines = [line for line in self.file.read_text().split("\n")[:-1] if line]
        if not lines:
            return {}
        payload = lines[-1].split(".")[1]
        body: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["body"]
        return body

    def role(self, name: str) -> dict[str, Any]:
        """What it says of a role, or nothing."""
        return next((role for role in self.health().get("roles", []) if role["role"] == name), {})

    def end(self) -> None:
        """Listen no more."""
        self.process.terminate()
        self.process.wait(10)


def until(condition: Callable[[], object], within_s: float = 15.0) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
