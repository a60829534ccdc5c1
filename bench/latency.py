"""From a change that collect writes down to its place in the books, over a real mosquitto: median and 99th percentile.

    python -m bench.latency [--changes 100]

Journal, fold, outbox, MQTT, receiver and commit are the real ones. The fold looks into the journal once a second, so half a second of the
median is waiting for it; changes are written at random moments of that second.
"""

import argparse
import asyncio
import random
import sqlite3
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path

from evidence.keys import public_from_jwk
from evidence.trust import Registry, save_trust
from isms.state import State
from tests.agent.publish.chains import ISSUER
from tests.agent.publish.test_role import Gateway
from tests.brokers import mosquitto
from tests.isms.line import ReceiverProcess

PAUSE_S = 0.3


async def measured(directory: Path, port: int, changes: int, books: Path, isms_key) -> tuple[list[float], float]:
    """Return seconds from the journal's commit to the books, for each change, and from there to the receipt for the last."""
    gateway, chance, found = Gateway(directory, port), random.Random(1), []
    gateway.isms = isms_key
    state = State(books.parent)
    key = public_from_jwk(gateway.author.signer.public_jwk)
    save_trust(state.trust, Registry().with_key(key, ISSUER))
    async with gateway.publishing() as spool:
        await arrived(books, 1)
        for number in range(changes):
            await asyncio.sleep(PAUSE_S + chance.random())
            gateway.write(1)
            began_s = time.perf_counter()
            await arrived(books, number + 2)
            found.append(time.perf_counter() - began_s)
        began_s = time.perf_counter()
        while spool.outbox.depth().count:
            await asyncio.sleep(0.002)
        return found, time.perf_counter() - began_s


async def arrived(books: Path, count: int) -> None:
    with closing(sqlite3.connect(f"file:{books}?mode=ro", uri=True)) as connection:
        while connection.execute("SELECT count(*) FROM envelopes").fetchone()[0] < count:
            await asyncio.sleep(0.002)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--changes", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, mosquitto(Path(name) / "broker") as broker:
        directory = Path(name)
        state = State(directory / "isms")
        signer = state.create_key()
        save_trust(state.trust, Registry())
        receiver = ReceiverProcess(state, broker)
        receiver.start()
        found, last_s = asyncio.run(measured(directory, broker.port, options.changes, state.database, signer))
        receiver.stop()
    found.sort()
    p99 = found[min(len(found) - 1, int(len(found) * 0.99))]
    print(
        f"{len(found)} changes: median {statistics.median(found) * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, receipt {last_s * 1000:.0f} ms later"
    )


if __name__ == "__main__":
    main()
