"""A fleet on one receiver: simulated gateways over a real mosquitto, each with its own key and chain, until all is receipted.

    python -m bench.fleet [--gateways 1000] [--records 5]

Gateways share a few connections, as many as a benchmark can hold; each speaks on its own topics and waits for its own receipt.
"""

import argparse
import tempfile
import time
from pathlib import Path

import psutil
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from evidence.strict import decode_base64url
from evidence.trust import Registry, TrustEntry, TrustState, save_trust
from isms.state import State
from tests.brokers import mosquitto
from tests.evidence.samples import Gateway, asset, start
from tests.isms.line import ReceiverProcess

CONNECTIONS = 10
WINDOW = 200
PATIENCE_S = 300.0


def fleet(count: int, records: int) -> list[Gateway]:
    """Sign the chains of a fleet."""
    gateways = [Gateway(gateway=f"gw-{number}", seed=number.to_bytes(32, "big")) for number in range(1, count + 1)]
    for gateway in gateways:
        gateway.report(start())
        for number in range(records - 1):
            gateway.report(asset(f"asset-{number}"))
    return gateways


class Crowd:
    """Some gateways over one connection."""

    def __init__(self, gateways: list[Gateway], port: int) -> None:
        self.waiting = {gateway.topic("receipt"): gateway for gateway in gateways}
        self._letters = [(gateway.topic(), envelope.token) for gateway in gateways for envelope in gateway.sent]
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
        self._client.max_inflight_messages_set(WINDOW)
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        while not self._client.is_connected():
            self._client.loop(0.05)
        for topic in self.waiting:
            self._client.subscribe(topic, 1)
        self._upto = {gateway.topic("receipt"): f'"upto":{len(gateway.sent) - 1},'.encode() for gateway in gateways}

    def start(self) -> None:
        self._client.loop_start()
        for topic, token in self._letters:
            self._client.publish(topic, token, qos=1)

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        if self._upto[message.topic] in decode_base64url(message.payload.split(b".")[1]):
            self.waiting.pop(message.topic, None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gateways", type=int, default=1000)
    parser.add_argument("--records", type=int, default=5)
    options = parser.parse_args()
    gateways = fleet(options.gateways, options.records)
    settings = "max_inflight_messages 400\nmax_queued_messages 0"
    with tempfile.TemporaryDirectory() as directory, mosquitto(Path(directory) / "broker", settings) as broker:
        run(gateways, Path(directory), broker, options.records)


def run(gateways: list[Gateway], directory: Path, broker, records: int) -> None:
    state = State(directory / "isms")
    state.create_key()
    entries = {each.public.kid: TrustEntry(jwk=each.public.jwk, iss=each.iss, state=TrustState.TRUSTED) for each in gateways}
    save_trust(state.trust, Registry.of(entries))
    receiver = ReceiverProcess(state, broker)
    receiver.start()
    process = psutil.Process(receiver.process.pid)
    before = process.memory_info().rss
    crowds = [Crowd(gateways[number::CONNECTIONS], broker.port) for number in range(CONNECTIONS)]
    began_s, cpu_s = time.perf_counter(), sum(process.cpu_times()[:2])
    for crowd in crowds:
        crowd.start()
    while any(crowd.waiting for crowd in crowds) and time.perf_counter() - began_s < PATIENCE_S:
        time.sleep(0.02)
    spent_s, spent_cpu_s = time.perf_counter() - began_s, sum(process.cpu_times()[:2]) - cpu_s
    after = process.memory_info().rss
    for crowd in crowds:
        crowd.stop()
    left = sum(len(crowd.waiting) for crowd in crowds)
    shown = receiver.show("gateways")
    receiver.stop()
    total = len(gateways) * records
    sound = sum(one["state"] == "sound" and one["records"] == records for one in shown["gateways"])
    print(
        f"{len(gateways)} gateways, {total} reports: {sound} chains whole, {left} without a receipt, refused {shown['refused']}"
    )
    print(f"{total / spent_s:.0f} reports/s, {spent_s:.1f} s, {spent_cpu_s / total * 1e6:.0f} us CPU each")
    print(f"receiver {before / 2**20:.1f} -> {after / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
