"""kill -9 of either role while the other one works: the real programs over a real broker, with devices that change under their hands.

Unlike `kills`, which kills one process that has both halves of the spool thousands of times, this kills a role that systemd would start
again, and listens at the broker for how soon the gateway is heard again. In the end the ISMS must know every device as it is, with one sound
chain, no gap, and nothing that is confessed as lost: there was no reason to lose anything.
"""

import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from agent.demo.modbus_device import ModbusDevice, Unit
from agent.publish.fold import Author
from evidence import topics
from evidence.keys import load_signer
from evidence.strict import decode_base64url
from isms.state import State
from tests.agent.rig import Role, command, plant, until
from tests.brokers import Mosquitto, mosquitto
from tests.faults.outage import assert_complete, receiving

DEVICES = 8
LONGEST_LIFE_S = 2.0
FIRST_WORD_S = 5.0
"""What docs/reliability.md promises from a start to the first word at the broker."""

PATIENCE_S = 120.0
RECEIVER = '[receiver]\nkey_file = "isms.jwk"\n'


def roles(kills: int, seed: int) -> dict[str, float]:
    """Kill one of the two roles so often; return figures."""
    with tempfile.TemporaryDirectory(prefix="nameplated-roles-") as name, mosquitto(Path(name) / "broker") as broker:
        return asyncio.run(_life(Path(name), broker, kills, random.Random(seed)))


async def _life(folder: Path, broker: Mosquitto, kills: int, chance: random.Random) -> dict[str, float]:
    async with AsyncExitStack() as stack:
        devices = await _devices(stack)
        assets = [(f"plc-{number}", f"modbus-tcp://{host}:{device.port}?unit=1") for number, (host, device) in enumerate(devices)]
        file = plant(folder, *assets, broker=broker.port, interval=1, more=RECEIVER)
        state = stack.enter_context(receiving(folder / "isms", broker, [_author(file)])).state
        (folder / "isms.jwk").write_text(json.dumps(state.load_key().public_jwk))
        ear = stack.enter_context(Ear(broker, topics.of_gateway("", "werk-ulm", "gw-halle3")))
        running = {name: Role(name, file) for name in ("collect", "publish")}
        stack.callback(_end, running)
        killed, first_words_s = Counter[str](), [0.0]
        for number in range(kills):
            for _, device in devices:
                device.units[1].objects[2] = b"%d" % (number + 1)
            await asyncio.sleep(chance.uniform(0.05, LONGEST_LIFE_S))
            victim = chance.choice(list(running))
            began_s = _kill(running, victim)
            killed[victim] += 1
            if victim == "publish":
                await asyncio.to_thread(until, lambda began_s=began_s: ear.heard_s > began_s, PATIENCE_S)
                first_words_s.append(ear.heard_s - began_s)
        truth = {f"plc-{number}": str(kills) for number in range(DEVICES)}
        await asyncio.to_thread(until, lambda: _known(state) == truth, PATIENCE_S)
        records = await asyncio.to_thread(_told_all, running)
        assert_complete(state, 1, records)
        assert not _confessed_losses(state)
    assert max(first_words_s) <= FIRST_WORD_S, first_words_s
    return {"kills": kills, **killed, "records": records, "slowest first word s": round(max(first_words_s), 2)}


async def _devices(stack: AsyncExitStack) -> list[tuple[str, ModbusDevice]]:
    """Start some devices, each at a host of its own: a host is asked one thing at a time."""
    devices = []
    for number in range(DEVICES):
        host = f"127.3.0.{number + 1}"
        device = ModbusDevice({1: Unit(objects={0: b"ACME", 1: b"P7", 2: b"0"})}, host=host)
        await device.start()
        stack.push_async_callback(device.stop)
        devices.append((host, device))
    return devices


def _kill(running: dict[str, Role], victim: str) -> float:
    """Kill a role and start it again; return when, by the monotonic clock."""
    role = running[victim]
    role.process.kill()
    role.wait()
    began_s = time.monotonic()
    running[victim] = Role(victim, role.file)
    return began_s


def _author(file: Path) -> Author:
    """Make the gateway's key; return who it will be."""
    assert command("key", "init", "--config", file).returncode == 0
    signer = load_signer(file.parent / "state" / "publish" / "report.key")
    return Author(issuer=topics.issuer("werk-ulm", "gw-halle3"), audience=topics.audience("central"), signer=signer)


class Ear:
    """Hears at the broker when the gateway last said something new.

    Attributes:
        heard_s: When, by the monotonic clock.
    """

    def __init__(self, broker: Mosquitto, named: dict[str, str]) -> None:
        self.heard_s = 0.0
        own = [(named[leaf], SubscribeOptions(qos=1)) for leaf in ("status", "evidence", "health")]
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe(own)
        self._client.on_message = self._hear
        self._client.connect("127.0.0.1", broker.port)

    def _hear(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        if not message.retain and b"status.offline" not in decode_base64url(message.payload.split(b".")[1]):
            self.heard_s = time.monotonic()  # a will is the broker's voice

    def __enter__(self) -> Self:
        self._client.loop_start()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def _known(state: State) -> dict[str, str]:
    """Which firmware the ISMS believes in, by asset."""
    return {
        one["asset_id"]: one["nameplate"].get("firmware_version", {}).get("value") for one in _asked(state, "assets")["assets"]
    }


def _told_all(running: dict[str, Role]) -> int:
    """Stop collect, wait until everything that it wrote has its receipt, and return how many records the chain has."""
    assert running["collect"].end() == 0

    def work() -> dict[str, int]:
        running["publish"].reload()  # leaves word at once
        return running["publish"].status()["publish"]["work"]

    until(lambda: work()["receipt_upto"] == work()["seq"] and not work()["waiting"], PATIENCE_S)
    return work()["seq"] + 1


def _confessed_losses(state: State) -> list[bytes]:
    """Every `silence/1` that says that something which was seen is gone."""
    tokens = subprocess.run(_isms(state, "records"), check=True, capture_output=True).stdout.splitlines()
    bodies = (decode_base64url(token.split(b".")[1]) for token in tokens)
    return [body for body in bodies if b'"silence/1"' in body and b'"lost"' in body]


def _asked(state: State, what: str) -> dict[str, list[dict[str, dict]]]:
    return json.loads(subprocess.run(_isms(state, what, "--json"), check=True, capture_output=True).stdout)


def _isms(state: State, *words: str) -> list[str]:
    return [sys.executable, "-I", "-m", "isms", *words, "--state", str(state.directory)]


def _end(running: dict[str, Role]) -> None:
    for role in running.values():
        if role.process.poll() is None:
            role.process.kill()
            role.wait()
