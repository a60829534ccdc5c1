"""One connection to a real broker: what is published arrives, refusals are told, and a loss is told once."""

import asyncio
import gc
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import Client, DisconnectFlags
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from agent.publish.errors import BrokerRefusedError, BrokerUnreachableError
from agent.publish.mqtt import Acknowledged, Arrived, Broker, Connection, Event, Letter, Lost
from tests.brokers import Mosquitto, free_port, mosquitto

pytestmark = pytest.mark.mosquitto

WILL = Letter(topic="t/status", payload=b"offline", retain=True)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path / "broker") as running:
        yield running


def at(port: int) -> Broker:
    return Broker(host="127.0.0.1", port=port, tls=False, client_id="werk-ulm:gw-halle3")


async def heard(events: "asyncio.Queue[Event]") -> Event:
    async with asyncio.timeout(10):
        return await events.get()


async def test_message_comes_back_and_is_acknowledged(broker: Mosquitto) -> None:
    events: asyncio.Queue[Event] = asyncio.Queue()
    connection = await Connection.open(at(broker.port), WILL, events.put_nowait)
    connection.subscribe("t/#")
    message_id = connection.publish(Letter(topic="t/evidence", payload=b"x" * 5000))
    told = {await heard(events), await heard(events)}
    assert told == {Acknowledged(message_id, 0), Arrived("t/evidence", b"x" * 5000)}
    await connection.close()


async def test_message_that_nobody_receives_is_told_as_such(broker: Mosquitto) -> None:
    events: asyncio.Queue[Event] = asyncio.Queue()
    connection = await Connection.open(at(broker.port), WILL, events.put_nowait)
    message_id = connection.publish(Letter(topic="t/evidence", payload=b"x"))
    assert await heard(events) == Acknowledged(message_id, 0x10)
    await connection.close()


async def test_killed_broker_is_a_loss_told_once(broker: Mosquitto) -> None:
    events: asyncio.Queue[Event] = asyncio.Queue()
    connection = await Connection.open(at(broker.port), WILL, events.put_nowait)
    broker.kill()
    assert isinstance(await heard(events), Lost)
    with pytest.raises(BrokerUnreachableError):
        connection.publish(WILL)
    await connection.close()
    assert events.empty()


async def test_nobody_listening_is_unreachable_with_the_place() -> None:
    port = free_port()
    with pytest.raises(BrokerUnreachableError, match=f":{port}: "):
        await Connection.open(at(port), WILL, lambda _: None)


async def test_broker_that_wants_a_password_refuses_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "passwords").write_text("")
    settings = f"allow_anonymous false\npassword_file {tmp_path}/passwords"
    with mosquitto(tmp_path / "broker", settings) as running, pytest.raises(BrokerRefusedError, match="Not authorized"):
        await Connection.open(at(running.port), WILL, lambda _: None)


@pytest.mark.parametrize(
    ("setting", "remedy"), [("max_qos 0", "must allow QoS 1"), ("retain_available false", "must allow retained")]
)
async def test_broker_that_offers_too_little_is_refused_with_what_it_must_allow(
    tmp_path: Path, setting: str, remedy: str
) -> None:
    with mosquitto(tmp_path / "broker", setting) as running, pytest.raises(BrokerRefusedError, match=remedy):
        await Connection.open(at(running.port), WILL, lambda _: None)


async def test_password_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    from dataclasses import replace

    with pytest.raises(BrokerUnreachableError, match="password"):
        await Connection.open(replace(at(1), username_file=tmp_path / "password"), WILL, lambda _: None)


async def test_something_else_than_a_broker_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setattr("agent.publish.mqtt.CONNECT_TIMEOUT_S", 2.0)
        with pytest.raises(BrokerUnreachableError):
            await Connection.open(at(port), WILL, lambda _: None)


async def test_connection_that_closes_while_it_is_made_is_told_once_and_leaves_no_complaint(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def connect(client: Client, *_: object, **__: object) -> None:
        client.on_disconnect(client, None, DisconnectFlags(False), ReasonCode(PacketTypes.DISCONNECT, "Unspecified error"), None)

    monkeypatch.setattr(Client, "connect", connect)
    with pytest.raises(BrokerUnreachableError, match="closed the connection: Unspecified error"):
        await Connection.open(at(1), WILL, lambda _: None)
    gc.collect()
    assert not caplog.records


async def test_will_speaks_for_a_gateway_that_died_and_not_for_one_that_left(broker: Mosquitto) -> None:
    listener = subprocess.Popen(
        ["mosquitto_sub", "-V", "5", "-p", str(broker.port), "-t", "t/status", "-C", "1", "-W", "20"], stdout=subprocess.PIPE
    )
    await asyncio.sleep(0.3)
    leaving = await Connection.open(at(broker.port), WILL, lambda _: None)
    await leaving.close()
    dying = await Connection.open(at(broker.port), Letter(topic="t/status", payload=b"died", retain=True), lambda _: None)
    dying._drop()
    got: list[bytes] = []
    waiting = threading.Thread(target=lambda: got.append(listener.communicate()[0]))
    waiting.start()
    while waiting.is_alive():
        await asyncio.sleep(0.05)
    assert got == [b"died\n"]
