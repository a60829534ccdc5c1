"""A receiver that believes everything: it stores and verifies nothing, and signs a receipt for what came last.

    python -m bench.receipts --state DIRECTORY --broker mqtt://127.0.0.1:PORT

Stands in for the real one where a bench asks what the gateway can do, and for whoever listens to bare messages. Never used but there.
"""

import argparse
import hashlib
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import msgspec
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from evidence.claims import Claims, Receipt, Stream
from evidence.envelope import RECEIPT, hash_text, seal
from evidence.keys import Signer
from evidence.strict import decode_base64url
from isms.broker import BATCH_MESSAGES, turn
from isms.state import State


def receipt(token: bytes, signer: Signer) -> bytes:
    """Sign that everything up to this envelope has arrived, on its word alone."""
    signing_input, _, _ = token.rpartition(b".")
    claims = msgspec.json.decode(decode_base64url(signing_input.split(b".")[1]), type=Claims)
    statement = Receipt(
        v=1,
        iss=claims.aud,
        aud=claims.iss,
        stream=Stream.EVIDENCE,
        epoch=claims.epoch,
        upto=claims.seq,
        head=hash_text(hashlib.sha256(signing_input).digest()),
        iat=int(time.time()),
    )
    return seal(statement, signer, typ=RECEIPT).token


def run(state: State, host: str, port: int) -> None:
    """Listen to everything, and answer what is a report once a batch is full or nothing more waits. Until terminated."""
    signer, waiting = state.load_key(), list[MQTTMessage]()
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    client.on_connect = lambda *_: client.subscribe("#", qos=1)
    client.on_message = lambda _client, _data, message: waiting.append(message)
    properties = Properties(PacketTypes.CONNECT)
    properties.ReceiveMaximum = BATCH_MESSAGES
    client.connect(host, port, properties=properties)
    while True:
        before = len(waiting)
        turn(client, 0.0 if before else 0.2)
        if not waiting or (len(waiting) > before and len(waiting) < BATCH_MESSAGES):
            continue
        reports = [message for message in waiting if message.topic.endswith("/evidence")]
        waiting.clear()
        if reports:
            where = reports[-1].topic.removesuffix("evidence") + "receipt"
            client.publish(where, receipt(bytes(reports[-1].payload), signer), qos=1, retain=True)


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def main() -> None:
    """Read the words."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--broker", required=True)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _end)
    where = urlsplit(options.broker)
    run(State(options.state), where.hostname or "127.0.0.1", where.port or 1883)


if __name__ == "__main__":
    main()
