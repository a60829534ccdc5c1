"""How fast a backlog leaves: read, sent over a real mosquitto, receipted, settled; beside bare paho.

    python -m bench.spool_drain [RECORDS]

Three runs with as many messages of the same size and content type, at QoS 1, twenty at a time, through the same broker with the limits
of config/broker/mosquitto.conf:

    bare       paho alone; `bench.receipts` listens
    stand-in   the publishing role; `bench.receipts` listens and signs a receipt for each batch: what durability and evidence cost here
    receiver   the publishing role and the real receiver, which verifies, stores and commits on the same processors

Decides nothing: it prints figures, and no test depends on them.
"""

import asyncio
import json
import logging
import socket
import sys
import tempfile
import time
from pathlib import Path

from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.brokers import Mosquitto, mosquitto
from tests.faults.gateway import Place, moment, numbered
from tests.faults.outage import OUTBOX_CAP, PADDING, drain, receiving

TOPIC = "nameplated/v1/faults/gw/bare"
TOKEN_BYTES = 1800
WINDOW = 20
LIMITS = "max_inflight_messages 400\nmax_queued_messages 0\nmax_queued_bytes 268435456\n"
STAND_IN = ("bench.receipts",)


def bare(broker: Mosquitto, count: int) -> dict[str, float]:
    """Publish so many messages with paho alone, each as soon as there is a place: its own queue stays empty, as ours does."""
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    payload, handed, answered = bytes(TOKEN_BYTES), 0, 0
    content_type = Properties(PacketTypes.PUBLISH)  # as ours: every report says what it is
    content_type.ContentType = "application/jwt"

    def hand_over(places: int) -> None:
        nonlocal handed
        for _ in range(min(places, count - handed)):
            handed += 1
            client.publish(TOPIC, payload, qos=1, properties=content_type)

    def acknowledged(*_: object) -> None:
        nonlocal answered
        answered += 1
        hand_over(1)
        if answered == count:
            client.disconnect()

    client.on_publish = acknowledged
    client.on_connect = lambda *_: hand_over(WINDOW)
    client.connect("127.0.0.1", broker.port)
    connected = client.socket()
    assert isinstance(connected, socket.socket)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as ours
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    client.loop_forever()
    took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    if answered < count:
        raise ConnectionError("bare paho lost its connection")
    return {"per s": round(count / took_s), "cpu us each": round(cpu_s / count * 1e6)}


def backlog(place: Place, count: int) -> None:
    """Fill the outbox of a new gateway."""
    place.directory.mkdir()
    with place.recorder() as recorder, place.spool(place.author) as spool:
        for first in range(0, count, 500):
            drafts = [numbered(number, f"a{number % 100}", PADDING) for number in range(first, min(first + 500, count))]
            recorder.record(drafts, [], moment())
            while spool.fold(moment()):
                pass


def ours(folder: Path, count: int, listener: tuple[str, ...]) -> dict[str, float]:
    """Drain the backlog of a gateway to whoever listens."""
    folder.mkdir()
    place = Place(folder / "gateway", journal_cap=512 * 1024 * 1024, outbox_cap=4 * OUTBOX_CAP)
    backlog(place, count)
    with mosquitto(folder / "broker", LIMITS) as broker, receiving(folder / "isms", broker, [place.author], listener) as receiver:
        began_cpu_s = time.process_time()
        figures = asyncio.run(drain(place, broker, receiver.state, kills=0))
        cpu_s = time.process_time() - began_cpu_s
    return {
        "per s": figures["drained per s"],
        "cpu us each": round(cpu_s / count * 1e6),
        "memory grew MiB": figures["memory grew MiB"],
    }


def main() -> int:
    """Print the figures as JSON."""
    logging.disable(logging.CRITICAL)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        listening = Place(folder / "nobody")
        listening.directory.mkdir()
        with mosquitto(folder / "broker", LIMITS) as broker, receiving(folder / "bare", broker, [listening.author], STAND_IN):
            alone = bare(broker, count)
        runs = {"stand-in": ours(folder / "1", count, STAND_IN), "receiver": ours(folder / "2", count, ("isms", "receive"))}
    ratios = {name: {**run, "ratio": round(run["per s"] / alone["per s"], 2)} for name, run in runs.items()}
    print(json.dumps({"envelopes": count, "bare": alone, **ratios}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
