"""The receiver against a real broker: nothing is lost, nothing is believed too much, whoever dies."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from evidence.envelope import seal
from evidence.trust import load_trust, save_trust
from isms.broker import pause_s
from tests.brokers import Mosquitto, mosquitto
from tests.evidence.samples import Gateway, asset, change, event, signer, start
from tests.isms.line import ReceiverProcess, Sender, until

pytestmark = pytest.mark.mosquitto


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
def receiver(tmp_path: Path, broker: Mosquitto, gateway: Gateway) -> Iterator[ReceiverProcess]:
    process = ReceiverProcess.prepared(tmp_path / "isms", broker, gateway)
    process.start()
    yield process
    if process.process is not None and process.process.poll() is None:
        process.stop()


def test_reports_arrive_and_a_receipt_covers_them(gateway: Gateway, receiver: ReceiverProcess) -> None:
    for body in (start(), asset(), asset(firmware="2.2"), change()):
        gateway.report(body)
    sender = Sender(gateway, receiver)
    sender.deliver()
    assert sender.receipts[-1].upto == 3
    assert receiver.stop() == 0
    [held] = receiver.show("assets")["assets"]
    assert held["nameplate"]["firmware_version"]["value"] == "2.2"
    assert [one["after"] for one in held["changes"]] == ["2.2"]


def test_what_is_not_believed_is_counted_and_the_good_ones_around_it_are_kept(
    gateway: Gateway, receiver: ReceiverProcess
) -> None:
    good = [envelope.token for envelope in gateway.chain(3)]
    stranger = Gateway(seed=bytes(32)).report(start()).token
    other_audience = seal(gateway.claims(event(), audience="urn:isms:other"), signer()).token
    tokens = [good[0], b"\x00junk", good[1], stranger, good[1][:-5] + b"AAAAA", other_audience, good[2]]
    Sender(gateway, receiver).deliver(tokens)
    assert receiver.gateway()["records"] == 3
    assert receiver.show("gateways")["refused"] == {"foreign": 1, "forged": 1, "malformed": 1, "unknown-key": 1}


def test_a_genuine_report_on_the_topic_of_another_gateway_is_foreign(gateway: Gateway, receiver: ReceiverProcess) -> None:
    token = gateway.report(start()).token
    Sender(Gateway(gateway="gw-other"), receiver).say("evidence", token)
    until(lambda: receiver.show("gateways")["refused"] == {"foreign": 1})
    assert receiver.gateway()["seq"] is None


def test_nothing_is_lost_when_the_receiver_is_killed_again_and_again(gateway: Gateway, receiver: ReceiverProcess) -> None:
    gateway.chain(120)
    kills = iter((20, 60, 100))
    due = next(kills)

    def kill(sent: int) -> None:
        nonlocal due
        if sent == due:
            receiver.kill()
            receiver.start()
            due = next(kills, -1)

    Sender(gateway, receiver).deliver(disturb=kill)
    found = receiver.gateway()
    assert (found["records"], found["seq"], found["state"]) == (120, 119, "sound")
    assert "session_present=True" in receiver.log  # the broker kept what was not acknowledged


def test_nothing_is_lost_when_the_broker_is_killed(gateway: Gateway, receiver: ReceiverProcess, broker: Mosquitto) -> None:
    gateway.chain(80)

    def kill(sent: int, done: list[int] = []) -> None:  # noqa: B006  # remembers on purpose
        if sent == 40 and not done:
            done.append(sent)
            broker.kill()
            broker.start()

    Sender(gateway, receiver).deliver(disturb=kill)
    assert receiver.gateway()["records"] == 80


def test_a_fork_freezes_the_chain_and_is_named(gateway: Gateway, receiver: ReceiverProcess) -> None:
    gateway.chain(3)
    sender = Sender(gateway, receiver)
    sender.deliver()
    clone = Gateway()
    clone.chain(2)
    sender.say("evidence", clone.report(event("another word for place 2")).token)
    until(lambda: receiver.gateway()["state"] == "forked")
    assert "forked after 2: frozen" in receiver.gateway()["review"][0]
    before = len(sender.receipts)
    sender.say("evidence", gateway.report(event("goes on")).token)
    until(lambda: receiver.show("gateways")["refused"].get("frozen"))
    assert len(sender.receipts) == before and receiver.gateway()["seq"] == 2


def test_a_key_counts_from_the_moment_the_operator_adds_it(gateway: Gateway, receiver: ReceiverProcess) -> None:
    second = Gateway(gateway="gw-halle4", seed=b"\x01" * 32)
    token = second.report(start()).token
    sender = Sender(second, receiver)
    sender.say("evidence", token)
    until(lambda: receiver.show("gateways")["refused"] == {"unknown-key": 1})
    save_trust(receiver.state.trust, load_trust(receiver.state.trust).with_key(second.public, second.iss))
    sender.deliver()
    assert sender.receipts[-1].aud == second.iss


def test_a_will_counts_for_its_own_session_alone(gateway: Gateway, receiver: ReceiverProcess) -> None:
    sender = Sender(gateway, receiver)
    sender.say("status", gateway.online(2))
    until(lambda: receiver.gateway()["status"] == "online")
    sender.say("status", gateway.offline(1))
    until(lambda: receiver.show("gateways")["refused"] == {"outdated": 1})
    assert receiver.gateway()["status"] == "online"
    sender.say("status", gateway.offline(2))
    until(lambda: receiver.gateway()["status"] == "offline")


def test_a_second_receiver_on_the_same_books_is_turned_away(receiver: ReceiverProcess) -> None:
    import subprocess
    import sys

    command = [
        sys.executable,
        "-I",
        "-m",
        "isms",
        "receive",
        "--state",
        str(receiver.state.directory),
        "--broker",
        receiver.broker.url,
    ]
    second = subprocess.run(command, check=False, capture_output=True, timeout=10)
    assert second.returncode == 74 and b"another receiver" in second.stderr


def test_pauses_grow_and_are_bounded() -> None:
    assert [pause_s(failures, 1.0) for failures in (0, 1, 2, 3, 4, 50)] == [1, 2, 4, 8, 15, 15]
