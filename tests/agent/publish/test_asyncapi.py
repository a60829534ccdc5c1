"""The document of the topics: current, and true of everything that really passes a broker."""

import asyncio
import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from devtools.asyncapi import LEAVES, PAGE, document, text
from evidence.requests import Span
from tests.agent.publish.chains import EPOCH
from tests.agent.publish.test_role import BASE, Gateway, Receiver, until
from tests.architecture.sources import ROOT
from tests.brokers import Mosquitto, mosquitto

pytestmark = pytest.mark.mosquitto


def test_the_committed_document_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == text(), "run python -m devtools.asyncapi"


def test_every_reference_leads_somewhere() -> None:
    found = document()
    for message in found["components"]["messages"].values():
        assert all((ROOT / "docs" / name).resolve().exists() for name in message["x-decoded"])
    for pointer in re.findall(r'"#/([^"]+)"', json.dumps(found)):
        place = found
        for step in pointer.split("/"):
            place = place[step]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path / "broker") as running:
        yield running


def overheard(port: int, heard: list[MQTTMessage]) -> Client:
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties
    from paho.mqtt.subscribeoptions import SubscribeOptions

    listener = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    listener.on_message = lambda _client, _data, message: heard.append(message)
    listener.connect("127.0.0.1", port)
    properties = Properties(PacketTypes.SUBSCRIBE)
    listener.subscribe("#", options=SubscribeOptions(qos=1, retainAsPublished=True), properties=properties)
    listener.loop_start()
    return listener


async def test_everything_that_is_sent_is_as_the_document_says(tmp_path: Path, broker: Mosquitto) -> None:
    gateway, heard = Gateway(tmp_path, broker.port), []
    listener = overheard(broker.port, heard)
    receiver = Receiver(broker.port, gateway.author.signer, gateway.isms)
    gateway.write(3)
    async with gateway.publishing() as spool:
        await until(lambda: len(receiver.seen) == 4 and bool(receiver.health))
        receiver.ask("status", 1)
        receiver.ask("republish", 1, Span(epoch=EPOCH, from_seq=1, to_seq=1))
        await until(lambda: len(receiver.responses) == 2)
        receiver.receipt(3)
        await until(lambda: spool.outbox.depth().count == 0)
    await asyncio.sleep(0.2)
    receiver.close()
    listener.disconnect()
    listener.loop_stop()
    assert {message.topic.removeprefix(f"{BASE}/") for message in heard} == set(LEAVES)
    for message in heard:
        told = LEAVES[message.topic.removeprefix(f"{BASE}/")]
        header, payload, _ = message.payload.split(b".")
        claims = json.loads(base64.urlsafe_b64decode(payload + b"=="))
        assert json.loads(base64.urlsafe_b64decode(header + b"=="))["typ"] == told.typ
        assert message.qos == 1
        if told.by_gateway:
            assert message.properties.ContentType == "application/jwt"
            assert bool(message.retain) is told.retain
            expiry_s = getattr(message.properties, "MessageExpiryInterval", None)
            assert (expiry_s is None) == (told.expiry_s is None)
        if "type" in claims:
            assert claims["type"] in told.bodies
