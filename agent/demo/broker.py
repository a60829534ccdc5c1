"""Which MQTT 5 broker the demo runs, and how it is started.

Decides between mosquitto and the embedded broker, and what mosquitto's configuration says. Never starts or ends a process
(`agent.demo.processes` does), and never listens beyond loopback.
"""

import importlib.util
import os
import shutil
import sys
from enum import StrEnum
from pathlib import Path

SYSTEM_FOLDERS = "/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin"
"""Where packages put mosquitto although it is not in everyone's PATH."""


class BrokerKind(StrEnum):
    """A broker that the demo can run."""

    MOSQUITTO = "mosquitto"
    EMBEDDED = "embedded"


class NoBrokerError(Exception):
    """The broker that was asked for is not installed; the sentence says what to install."""


def find_mosquitto() -> str | None:
    """Return the path of mosquitto's program, or None."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path=SYSTEM_FOLDERS)


def choose(wanted: str, *, mosquitto: str | None, embedded: bool) -> BrokerKind:
    """Choose a broker: mosquitto where it is installed, because plants run it; otherwise the embedded one.

    Args:
        wanted: "auto", "mosquitto" or "embedded".
        mosquitto: Path of the program, or None.
        embedded: Whether moat-lib-mqtt can be imported.

    Raises:
        NoBrokerError: What was wanted is not there.

    >>> choose("auto", mosquitto=None, embedded=True)
    <BrokerKind.EMBEDDED: 'embedded'>
    """
    if wanted in ("auto", "mosquitto") and mosquitto:
        return BrokerKind.MOSQUITTO
    if wanted in ("auto", "embedded") and embedded:
        return BrokerKind.EMBEDDED
    if wanted == "mosquitto":
        raise NoBrokerError("mosquitto is not installed; install the package mosquitto, or use --broker embedded")
    if wanted == "embedded":
        raise NoBrokerError("the embedded broker is not installed; install nameplated with its extra: demo")
    raise NoBrokerError("no MQTT 5 broker: install the package mosquitto, or nameplated with its extra: demo")


def has_embedded() -> bool:
    """Tell whether the embedded broker can be imported, without importing it."""
    return importlib.util.find_spec("moat") is not None and importlib.util.find_spec("moat.lib.mqtt") is not None


def mosquitto_conf(*, port: int, folder: Path, as_root: bool) -> str:
    """Write mosquitto's configuration for one loopback listener that keeps its sessions on disk.

    Even so it loses what it acknowledged since the last autosave when it is killed: a PUBACK is not delivery.

    Args:
        port: Port on 127.0.0.1.
        folder: What it keeps.
        as_root: Whether root runs it: it would then become a user who may not write there, unless it is told to stay.
    """
    stay = "user root\n" if as_root else ""
    return (
        f"listener {port} 127.0.0.1\n"
        "allow_anonymous true\n"
        "persistence true\n"
        f"persistence_location {folder}/\n"
        "autosave_interval 5\n"
        "max_queued_messages 0\n" + stay
    )


def broker_command(kind: BrokerKind, *, port: int, folder: Path, mosquitto: str | None) -> tuple[str, ...]:
    """Return the command that starts the broker; mosquitto's configuration is written to its folder first."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if kind is BrokerKind.EMBEDDED or mosquitto is None:
        return sys.executable, "-I", "-m", "agent.demo.embedded_broker", "--port", str(port)
    conf = folder / "mosquitto.conf"
    conf.write_text(mosquitto_conf(port=port, folder=folder, as_root=os.geteuid() == 0), encoding="utf-8")
    return mosquitto, "-c", str(conf)
