"""A real mosquitto on a random loopback port, for tests that need a broker which somebody else wrote.

pytestmark = pytest.mark.mosquitto

@pytest.fixture
def broker(tmp_path):
    with mosquitto(tmp_path / "broker") as running:
        yield running
"""

import getpass
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

START_S = 5.0


@dataclass
class Mosquitto:
    """A broker that can die and come back on the same port, with what it had written down."""

    directory: Path
    program: str
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and return when it answers."""
        log = (self.directory / "broker.log").open("ab")
        with log:
            self.process = subprocess.Popen([self.program, "-c", str(self.directory / "mosquitto.conf")], stdout=log, stderr=log)
        until_s = time.monotonic() + START_S
        while time.monotonic() < until_s:
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError(f"mosquitto did not start: {(self.directory / 'broker.log').read_text()}")

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in order."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(10)
            self.process = None


@contextmanager
def mosquitto(directory: Path, extra: str = "") -> Iterator[Mosquitto]:
    """Run a broker for as long as the block lasts; skip the test, and say so, where there is none.

    Args:
        directory: Its own, made if missing.
        extra: More lines for its configuration.
    """
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip("the Debian package mosquitto is not installed")
    directory.mkdir(parents=True, exist_ok=True)
    broker = Mosquitto(directory, program, free_port())
    lines = [
        f"listener {broker.port} 127.0.0.1",
        "allow_anonymous true",
        "persistence true",
        f"persistence_location {directory}/",
        "autosave_interval 1",
        f"user {getpass.getuser()}",
        extra,
    ]
    (directory / "mosquitto.conf").write_text("\n".join(lines) + "\n")
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


def free_port() -> int:
    """Return a port of the loopback interface that nobody uses now."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
