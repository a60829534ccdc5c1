"""The broker: mosquitto where it is installed, otherwise the embedded one, and a sentence where neither is."""

import asyncio
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from agent.demo.broker import BrokerKind, NoBrokerError, broker_command, choose, mosquitto_conf
from agent.demo.processes import Child, free_port, wait_for_port

NOBODY_LISTENS = 0x10


@pytest.mark.parametrize(
    ("wanted", "mosquitto", "embedded", "chosen"),
    [
        ("auto", "mosquitto", True, BrokerKind.MOSQUITTO),
        ("auto", None, True, BrokerKind.EMBEDDED),
        ("mosquitto", "mosquitto", False, BrokerKind.MOSQUITTO),
        ("embedded", "mosquitto", True, BrokerKind.EMBEDDED),
    ],
)
def test_broker_is_chosen_from_what_is_installed(wanted: str, mosquitto: str | None, embedded: bool, chosen: BrokerKind) -> None:
    assert choose(wanted, mosquitto=mosquitto, embedded=embedded) is chosen


@pytest.mark.parametrize(
    ("wanted", "remedy"), [("auto", "package mosquitto"), ("mosquitto", "--broker embedded"), ("embedded", "demo")]
)
def test_missing_broker_comes_with_a_remedy(wanted: str, remedy: str) -> None:
    with pytest.raises(NoBrokerError, match=remedy):
        choose(wanted, mosquitto=None, embedded=False)


def test_mosquitto_listens_on_loopback_only(tmp_path: Path) -> None:
    conf = mosquitto_conf(port=1883, folder=tmp_path, as_root=False)
    assert [line for line in conf.splitlines() if line.startswith("listener")] == ["listener 1883 127.0.0.1"]


@pytest.mark.parametrize("as_root", [True, False])
def test_mosquitto_stays_root_only_where_root_runs_it(tmp_path: Path, as_root: bool) -> None:
    assert ("user root" in mosquitto_conf(port=1883, folder=tmp_path, as_root=as_root).splitlines()) is as_root


def test_embedded_broker_is_a_process_of_its_own(tmp_path: Path) -> None:
    command = broker_command(BrokerKind.EMBEDDED, port=1883, folder=tmp_path / "broker", mosquitto=None)
    assert command == (sys.executable, "-I", "-m", "agent.demo.embedded_broker", "--port", "1883")


@asynccontextmanager
async def embedded(folder: Path):
    port = free_port()
    child = Child("broker", broker_command(BrokerKind.EMBEDDED, port=port, folder=folder, mosquitto=None), folder / "log")
    task = asyncio.create_task(child.supervise())
    child.start()
    try:
        assert await wait_for_port(port, timeout_s=15)
        yield port, child
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Talker:
    """A paho client in its own thread, with what happened to it in queues of the loop."""

    def __init__(self, name: str, port: int) -> None:
        self.loop = asyncio.get_running_loop()
        self.ready, self.acks, self.heard = asyncio.Event(), asyncio.Queue(), asyncio.Queue()
        self.client = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTv5)
        self.client.on_connect = lambda *_: self.loop.call_soon_threadsafe(self.ready.set)
        self.client.on_subscribe = lambda *_: self.loop.call_soon_threadsafe(self.ready.set)
        self.client.on_publish = lambda _c, _d, _m, code, _p: self.loop.call_soon_threadsafe(self.acks.put_nowait, code.value)
        self.client.on_message = lambda _c, _d, message: self.loop.call_soon_threadsafe(self.heard.put_nowait, message.payload)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    async def wait_ready(self) -> None:
        async with asyncio.timeout(10):
            await self.ready.wait()
        self.ready.clear()

    async def subscribe(self, topic: str) -> None:
        self.client.subscribe(topic, qos=1)
        await self.wait_ready()

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        self.client.publish(topic, payload, qos=1, retain=retain)
        async with asyncio.timeout(10):
            return await self.acks.get()

    async def hear(self) -> bytes:
        async with asyncio.timeout(10):
            return await self.heard.get()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@asynccontextmanager
async def talker(name: str, port: int):
    talking = Talker(name, port)
    try:
        await talking.wait_ready()
        yield talking
    finally:
        await asyncio.to_thread(talking.close)


async def test_embedded_broker_says_when_nobody_hears_a_report(tmp_path: Path) -> None:
    topic = "nameplated/v1/p/g/evidence"
    async with embedded(tmp_path) as (port, _), talker("gateway", port) as gateway:
        assert await gateway.publish(topic, b"1") == NOBODY_LISTENS
        async with talker("receiver", port) as receiver:
            await receiver.subscribe("nameplated/v1/+/+/evidence")
            assert await gateway.publish(topic, b"2") == 0
            assert await receiver.hear() == b"2"
        async with asyncio.timeout(10):  # the broker notices in its own time that the receiver has left
            while await gateway.publish(topic, b"3") != NOBODY_LISTENS:
                await asyncio.sleep(0.02)


async def test_embedded_broker_keeps_what_is_retained_for_who_comes_later(tmp_path: Path) -> None:
    async with embedded(tmp_path) as (port, _), talker("gateway", port) as gateway:
        assert await gateway.publish("nameplated/v1/p/g/status", b"online", retain=True) == 0
        async with talker("receiver", port) as receiver:
            await receiver.subscribe("nameplated/v1/+/+/status")
            assert await receiver.hear() == b"online"


async def test_killed_broker_listens_on_the_same_port_again(tmp_path: Path) -> None:
    async with embedded(tmp_path) as (port, child):
        await child.kill()
        assert not await wait_for_port(port, timeout_s=0.2)
        child.start()
        assert await wait_for_port(port, timeout_s=15)
