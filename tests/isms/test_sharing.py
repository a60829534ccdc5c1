"""Two receivers that share the work on one real broker: the chain of a gateway lies in the books and in neither of them."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from evidence.trust import Registry, save_trust
from isms.state import State
from tests.brokers import Mosquitto, mosquitto
from tests.evidence.samples import Gateway
from tests.isms.line import ReceiverProcess, Sender, until

pytestmark = pytest.mark.mosquitto


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def pair(tmp_path: Path, broker: Mosquitto) -> Iterator[list[ReceiverProcess]]:
    state = State(tmp_path / "isms")
    state.create_key()
    save_trust(state.trust, Registry())
    receivers = [
        ReceiverProcess(state, broker, options=("--share", "fleet", "--instance", name), name=name) for name in ("one", "two")
    ]
    for receiver in receivers:
        receiver.start()
    yield receivers
    for receiver in receivers:
        if receiver.process is not None and receiver.process.poll() is None:
            receiver.stop()


def trusting(pair: list[ReceiverProcess], gateways: list[Gateway]) -> None:
    registry = Registry()
    for gateway in gateways:
        registry = registry.with_key(gateway.public, gateway.iss)
    save_trust(pair[0].state.trust, registry)


def test_two_receivers_share_the_records_of_one_chain_and_it_stays_whole(pair: list[ReceiverProcess]) -> None:
    gateway = Gateway()
    gateway.chain(200)
    trusting(pair, [gateway])
    sender = Sender(gateway, pair[0])
    sender.deliver()
    found = pair[0].gateway()
    assert (found["records"], found["seq"], found["state"], found["forks"]) == (200, 199, "sound", 0)
    # The second record may reach one receiver before the other has entered the first, and with it the chain.
    assert pair[0].show("gateways")["refused"].keys() <= {"orphan"}
    shares = [receipts_sent(receiver) for receiver in pair]
    assert all(shares), shares


def receipts_sent(receiver: ReceiverProcess) -> int:
    """How many records a receiver took in, by its own word when it ends."""
    assert receiver.stop() == 0
    return int(receiver.log.rsplit("messages=", 1)[1].split()[0])


def test_several_gateways_at_once_and_one_receiver_killed(pair: list[ReceiverProcess]) -> None:
    gateways = [Gateway(gateway=f"gw-{number}", seed=bytes([number]) * 32) for number in range(1, 5)]
    for gateway in gateways:
        gateway.chain(60)
    trusting(pair, gateways)
    for number, gateway in enumerate(gateways):

        def kill(sent: int, number: int = number) -> None:
            if number == 1 and sent == 30 and pair[1].process and pair[1].process.poll() is None:
                pair[1].kill()

        Sender(gateway, pair[0]).deliver(disturb=kill)
    shown = pair[0].show("gateways")["gateways"]
    assert [(one["records"], one["state"]) for one in shown] == [(60, "sound")] * 4


def test_one_that_does_not_share_is_turned_away(pair: list[ReceiverProcess], broker: Mosquitto) -> None:
    import subprocess
    import sys

    command = [sys.executable, "-I", "-m", "isms", "receive", "--state", str(pair[0].state.directory), "--broker", broker.url]
    alone = subprocess.run(command, check=False, capture_output=True, timeout=10)
    assert alone.returncode == 74 and b"another receiver" in alone.stderr


def test_a_record_that_never_came_is_asked_for_with_a_request_that_only_the_receivers_can_sign(
    pair: list[ReceiverProcess], broker: Mosquitto
) -> None:
    from paho.mqtt.client import Client, MQTTv5
    from paho.mqtt.enums import CallbackAPIVersion

    from evidence.envelope import REQUEST, Request, unseal
    from evidence.keys import public_from_jwk

    gateway = Gateway()
    tokens = [envelope.token for envelope in gateway.chain(6)]
    trusting(pair, [gateway])
    sender = Sender(gateway, pair[0])
    asked: list[Request] = []
    key = public_from_jwk(json.loads(pair[0].state.public_key.read_text()))

    def heard(_client, _data, message) -> None:
        assert message.properties.ResponseTopic == gateway.topic("response")
        asked.append(unseal(message.payload, lambda _: key, typ=REQUEST, as_type=Request).claims)

    listener = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    listener.on_message = heard
    listener.connect("127.0.0.1", broker.port)
    listener.subscribe(gateway.topic("request/republish"), 1)
    listener.loop_start()
    sender.say("status", gateway.online(3))
    sender.say("evidence", tokens[0], tokens[4], tokens[5])
    try:
        until(lambda: asked)
    finally:
        listener.disconnect()
        listener.loop_stop()
    assert (asked[0].sess, asked[0].aud) == (3, gateway.iss)
    assert asked[0].span and (asked[0].span.from_seq, asked[0].span.to_seq) == (1, 3)
    assert pair[0].gateway()["hole"] == [1, 3]
    sender.deliver(tokens[1:4])
    assert pair[0].gateway()["hole"] is None and pair[0].gateway()["seq"] == 5


def test_books_of_the_first_version_are_brought_up_to_date(tmp_path: Path) -> None:
    from isms.inventory import Books

    path = tmp_path / "isms.db"
    statements = (Path(__file__).parents[2] / "isms" / "inventory" / "inventory-1.sql").read_text()
    with closing(sqlite3.connect(path)) as old:
        old.executescript(f"PRAGMA application_id = {0x4E504953}; PRAGMA user_version = 1; {statements}")
    with Books.open(path) as books:
        assert books.handovers() == [] and books.waiting() == set()
    with Books.open(path, read_only=True) as books:
        assert books.gateways() == []
