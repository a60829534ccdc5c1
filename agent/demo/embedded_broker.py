"""An MQTT 5 broker in pure Python, for a demo on a machine without mosquitto; run as `python -I -m agent.demo.embedded_broker`.

Decides one thing beyond moat-lib-mqtt: a report that nobody subscribes to is acknowledged as such (reason code 0x10), so that the
gateway keeps it. Never a broker for a plant: it forgets every session and every retained message when it ends, sends no will, and
keeps nothing for a receiver that is away. Signed receipts make that harmless, which is worth seeing.

Source: OASIS MQTT 5.0, 3.4.2.1 (PUBACK reason codes).
"""

import argparse
import logging
from dataclasses import dataclass, field

import anyio
from anyio.abc import ByteStream, SocketAttribute
from moat.lib.mqtt import MQTTPublishPacket, Pattern, ReasonCode
from moat.lib.mqtt.async_broker import AsyncMQTTBroker, MQTTAuthorizer


@dataclass(slots=True)
class Audience(MQTTAuthorizer):
    """Who listens. The broker asks it before each subscription and each publication, as it would ask an access list.

    Attributes:
        ears: Connection to what was subscribed over it. A connection that is gone is forgotten at the next publication.
    """

    ears: dict[ByteStream, set[Pattern]] = field(default_factory=dict)

    async def authorize_subscribe(self, pattern: Pattern, client_id: str, username: str | None, stream: ByteStream) -> None:  # noqa: ARG002  # the broker's words
        """Remember a subscription; everybody may have one."""
        self.ears.setdefault(stream, set()).add(pattern)

    async def authorize_publish(self, topic: str, client_id: str, username: str | None, stream: ByteStream) -> ReasonCode | None:  # noqa: ARG002  # the broker's words
        """Say that nobody hears a report; whatever is retained may wait for its listener."""
        if not topic.endswith("/evidence"):
            return None
        self.ears = {ear: patterns for ear, patterns in self.ears.items() if not _closed(ear)}
        packet = MQTTPublishPacket(topic=topic, payload=b"")
        heard = any(pattern.matches(packet) for patterns in self.ears.values() for pattern in patterns)
        return None if heard else ReasonCode.NO_MATCHING_SUBSCRIBERS


def _closed(stream: ByteStream) -> bool:
    """Tell whether a connection is gone, by whichever end: then its socket has no number any more."""
    closed: bool = stream.extra(SocketAttribute.raw_socket).fileno() < 0  # noqa: S610  # anyio's, not Django's
    return closed


def main() -> None:
    """Serve on a loopback port until told to end."""
    parser = argparse.ArgumentParser(prog="python -m agent.demo.embedded_broker", description="MQTT 5 broker for the demo")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    anyio.run(AsyncMQTTBroker(("127.0.0.1", arguments.port), authorizers=[Audience()]).serve)


if __name__ == "__main__":
    main()
