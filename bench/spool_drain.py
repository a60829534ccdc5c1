"""How fast a backlog leaves: signed, delivered over a real mosquitto, receipted by the real receiver, settled; beside bare paho.

Run with `python -m bench.spool_drain [RECORDS]`. Bare paho publishes as many messages of the same size at QoS 1 with the same
window, and nobody stores or verifies anything. Decides nothing: it prints figures, and no test depends on them.
"""

import asyncio
import json
import logging
import sys
import tempfile
import threading
import time
from pathlib import Path

from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from tests.brokers import Mosquitto, mosquitto
from tests.faults.gateway import Place, moment, numbered
from tests.faults.outage import OUTBOX_CAP, PADDING, _drain, receiving

TOKEN_BYTES = 1800
WINDOW = 20


def bare(broker: Mosquitto, count: int) -> float:
    """Publish so many messages with paho alone; return messages per second."""
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    client.max_inflight_messages_set(WINDOW)
    done, left = threading.Event(), [count]

    def acknowledged(*_: object) -> None:
        left[0] -= 1
        if not left[0]:
            done.set()

    client.on_publish = acknowledged
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    began_s = time.perf_counter()
    for _ in range(count):
        client.publish("bench/bare", bytes(TOKEN_BYTES), qos=1)
    done.wait(600)
    took_s = time.perf_counter() - began_s
    client.disconnect()
    client.loop_stop()
    return count / took_s


def main() -> int:
    """Print the figures as JSON."""
    logging.disable(logging.CRITICAL)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder) / "gateway", journal_cap=512 * 1024 * 1024, outbox_cap=4 * OUTBOX_CAP)
        place.directory.mkdir()
        with place.recorder() as recorder, place.spool(place.author) as spool:
            for first in range(0, count, 500):
                drafts = [numbered(number, f"a{number % 100}", PADDING) for number in range(first, min(first + 500, count))]
                recorder.record(drafts, [], moment())
                while spool.fold(moment()):
                    pass
        with mosquitto(Path(folder) / "broker") as broker:
            alone = bare(broker, count)
            with receiving(Path(folder) / "isms", broker, place) as state:
                ours = asyncio.run(_drain(place, broker, state, kills=0))
    print(json.dumps({**ours, "bare per s": round(alone), "ratio": round(ours["drained per s"] / alone, 2)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
