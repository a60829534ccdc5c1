"""A receiver in its own process, and a gateway that sends what it signed until a receipt covers it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from evidence.envelope import RECEIPT, Receipt, hash_text, unseal
from evidence.errors import EvidenceError
from evidence.trust import save_trust
from isms.state import State
from tests.brokers import Mosquitto
from tests.evidence.samples import Gateway

PATIENCE_S = 20.0


def until(condition: Callable[[], Any], within_s: float = PATIENCE_S) -> Any:
    """Return what a condition returns as soon as it is true."""
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {within_s:.0f} s: {condition}")


@dataclass
class ReceiverProcess:
    """`nameplated-isms receive` as an operator runs it."""

    state: State
    broker: Mosquitto
    options: tuple[str, ...] = ()
    name: str = "receive"
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @classmethod
    def prepared(cls, directory: Path, broker: Mosquitto, gateway: Gateway) -> "ReceiverProcess":
        state = State(directory)
        state.create_key()
        save_trust(state.trust, gateway.trust)
        return cls(state, broker)

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def _log(self) -> Path:
        return self.state.directory / f"{self.name}.log"

    def start(self) -> None:
        command = [
            sys.executable,
            "-I",
            "-m",
            "isms",
            "receive",
            "--state",
            str(self.state.directory),
            "--broker",
            self.broker.url,
            *self.options,
        ]
        seen = self.log.count("broker.connected") if self._log.exists() else 0
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log)
        until(lambda: self.log.count("broker.connected") > seen)

    def kill(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(10)

    def show(self, what: str) -> dict[str, Any]:
        command = [sys.executable, "-I", "-m", "isms", what, "--state", str(self.state.directory), "--json"]
        shown: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        return shown

    def gateway(self) -> dict[str, Any]:
        found: list[dict[str, Any]] = self.show("gateways")["gateways"]
        return found[0] if found else {"seq": None, "status": None}


class Sender:
    """Sends a gateway's records in order, again and again, until a receipt covers the last of them."""

    def __init__(self, gateway: Gateway, receiver: ReceiverProcess) -> None:
        self._gateway = gateway
        self._receiver = receiver
        self._key = receiver.state.load_key()
        self.receipts: list[Receipt] = []

    def deliver(self, tokens: Sequence[bytes] | None = None, *, disturb: Callable[[int], None] = lambda _sent: None) -> None:
        """Send until everything is receipted; `disturb` is told how much was sent."""
        expected = hash_text(self._gateway.sent[-1].digest)
        end_s = time.monotonic() + 2 * PATIENCE_S
        while time.monotonic() < end_s:
            if self._round(tokens or [envelope.token for envelope in self._gateway.sent], expected, disturb):
                return
        raise AssertionError(f"no receipt covers everything: {self.receipts[-1:]}\n{self._receiver.log}")

    def say(self, leaf: str, *tokens: bytes) -> None:
        """Send words that nobody receipts, and wait for the broker's acknowledgement."""
        client = self._client()
        for token in tokens:
            info = client.publish(self._gateway.topic(leaf), token, qos=1, retain=leaf == "status")
            until(lambda info=info: client.loop(0.02) is MQTTErrorCode.MQTT_ERR_SUCCESS and info.is_published())
        client.disconnect()

    def _round(self, tokens: Sequence[bytes], expected: str, disturb: Callable[[int], None]) -> bool:
        """Send everything once; return whether a receipt for all of it came within a second."""
        try:
            client = self._client()
        except OSError:
            time.sleep(0.1)
            return False
        client.subscribe(self._gateway.topic("receipt"), 1)
        for number, token in enumerate(tokens):
            client.publish(self._gateway.topic(), token, qos=1)
            client.loop(0.001)
            disturb(number)
        end_s = time.monotonic() + 1.0
        while time.monotonic() < end_s and client.loop(0.05) is MQTTErrorCode.MQTT_ERR_SUCCESS:
            if self.receipts and self.receipts[-1].head == expected:
                client.disconnect()
                return True
        client.disconnect()
        return False

    def _client(self) -> Client:
        client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
        client.on_message = self._on_message
        client.connect("127.0.0.1", self._receiver.broker.port, 30)
        end_s = time.monotonic() + 2
        while not client.is_connected() and time.monotonic() < end_s and client.loop(0.05) is MQTTErrorCode.MQTT_ERR_SUCCESS:
            pass
        if not client.is_connected():
            raise OSError("no MQTT connection")
        return client

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        from evidence.keys import public_from_jwk

        key = public_from_jwk(self._key.public_jwk)
        try:
            self.receipts.append(unseal(message.payload, lambda _kid: key, typ=RECEIPT, as_type=Receipt).claims)
        except EvidenceError as problem:
            raise AssertionError(f"a receipt that does not verify: {problem}") from problem
