"""A broker that is away for a month, and one that dies and forgets: a real mosquitto, and the real receiver in its own process."""

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple

from agent.clock import system_clock
from agent.publish.fold import Author
from agent.publish.mqtt import Broker
from agent.publish.role import Publisher
from agent.publish.spool import Spool
from agent.publish.voice import Topics
from evidence.keys import PublicKey, public_from_jwk
from evidence.topics import of_gateway
from evidence.trust import Registry, save_trust
from isms.state import State
from tests.brokers import Mosquitto, mosquitto
from tests.faults.gateway import Place, moment, numbered

MINUTES_A_DAY = 1440
PADDING = 700  # brings an envelope to about 2 KiB
OUTBOX_CAP = 256 * 1024 * 1024
MOST_GROWTH_MIB = 10.0
"""However much waits, it is read a window at a time."""


class Receiver(NamedTuple):
    """A receiver that runs: where it keeps what it received, and its process."""

    state: State
    process: subprocess.Popen[bytes]


@contextmanager
def receiving(
    directory: Path, broker: Mosquitto, authors: Iterable[Author], program: tuple[str, ...] = ("isms", "receive")
) -> Iterator[Receiver]:
    """Run the receiver of some gateways, or what stands in for it, for as long as the block lasts."""
    state, trust = State(directory), Registry()
    state.create_key()
    for author in authors:
        trust = trust.with_key(public_from_jwk(author.signer.public_jwk), author.issuer)
    save_trust(state.trust, trust)
    command = [sys.executable, "-m", *program, "--state", str(directory), "--broker", broker.url]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log)
    try:
        yield Receiver(state, process)
    finally:
        process.terminate()
        process.wait(20)


@asynccontextmanager
async def publishing(spool: Spool, place: Place, broker: Mosquitto, receiver: PublicKey) -> AsyncIterator[None]:
    """Run the publishing role for as long as the block lasts."""
    publisher = Publisher(
        spool,
        place.author,
        Broker(host="127.0.0.1", port=broker.port, tls=False, client_id=f"faults:{place.name}"),
        Topics(**of_gateway("", "faults", place.name)),
        receiver=receiver,
        agent_version="0",
        clock=system_clock(),
        chance=random.Random(1),
    )
    role = asyncio.create_task(publisher.run())
    try:
        yield
    finally:
        role.cancel()
        await asyncio.gather(role, return_exceptions=True)


def outage(days: float) -> dict[str, float]:
    """Write a record a minute for so many days without a broker, then deliver everything; return figures."""
    with tempfile.TemporaryDirectory(prefix="nameplated-outage-") as folder:
        place = Place(Path(folder) / "gateway", journal_cap=64 * 1024 * 1024, outbox_cap=OUTBOX_CAP)
        place.directory.mkdir()
        author, count = place.author, round(days * MINUTES_A_DAY)
        with place.recorder() as recorder, place.spool(author) as spool:
            for number in range(count):
                recorder.record([numbered(number, f"a{number % 100}", PADDING)], [], moment(60.0 * number))
                spool.fold(moment(60.0 * number))
        kept_bytes = place.outbox.stat().st_size
        assert kept_bytes <= OUTBOX_CAP
        with mosquitto(Path(folder) / "broker") as broker, receiving(Path(folder) / "isms", broker, [place.author]) as receiver:
            figures = asyncio.run(drain(place, broker, receiver.state, kills=0))
            assert_complete(receiver.state, 1, figures["records"])
        return {"days": days, "outbox bytes": kept_bytes, **figures}


def forgetting(records: int, kills: int) -> dict[str, float]:
    """Kill the broker so often while a backlog is delivered; return figures."""
    with tempfile.TemporaryDirectory(prefix="nameplated-broker-") as folder:
        place = Place(Path(folder) / "gateway", journal_cap=64 * 1024 * 1024, outbox_cap=OUTBOX_CAP)
        place.directory.mkdir()
        with place.recorder() as recorder, place.spool(place.author) as spool:
            recorder.record([numbered(number, f"a{number % 100}") for number in range(900)], [], moment())
            for number in range(900, records):
                recorder.record([numbered(number, f"a{number % 100}")], [], moment())
            while spool.fold(moment()):
                pass
        with mosquitto(Path(folder) / "broker") as broker, receiving(Path(folder) / "isms", broker, [place.author]) as receiver:
            figures = asyncio.run(drain(place, broker, receiver.state, kills=kills))
            assert_complete(receiver.state, 1, figures["records"])
        return {"kills": kills, **figures}


async def drain(place: Place, broker: Mosquitto, state: State, *, kills: int) -> dict[str, float]:
    """Deliver everything, with so many deaths of the broker on the way."""
    began_s, least, most = time.monotonic(), 2.0**40, 0.0
    with place.spool(place.author, now=system_clock()()) as spool:
        waiting = spool.outbox.depth().count
        async with publishing(spool, place, broker, public_from_jwk(state.load_key().public_jwk)):
            for _ in range(kills):
                await asyncio.sleep(random.Random(kills).uniform(0.3, 0.8))
                broker.kill()
                await asyncio.sleep(0.1)
                broker.start()
            async with asyncio.timeout(3600):
                while not spool.outbox.is_empty():
                    await asyncio.sleep(0.2)
                    if time.monotonic() - began_s > 1.0:
                        used = _memory_mib()
                        least, most = min(least, used), max(most, used)
        end = spool.chain.seq
    took_s = time.monotonic() - began_s
    assert most - least <= MOST_GROWTH_MIB, f"memory grew from {least} to {most} MiB"
    return {
        "records": end + 1,
        "drain s": round(took_s, 1),
        "drained per s": round(waiting / took_s),
        "memory grew MiB": round(max(0.0, most - least), 1),
    }


def assert_complete(state: State, count: int, records: float) -> None:
    """The receiver holds one sound chain of each of so many gateways, and nothing is missing from any."""
    command = [sys.executable, "-m", "isms", "gateways", "--state", str(state.directory), "--json"]
    gateways = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["gateways"]
    assert len(gateways) == count
    for gateway in gateways:
        assert gateway["seq"] == records - 1, gateway
        assert gateway["state"] == "sound", gateway
        assert not gateway["gaps"], gateway


def _memory_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024
