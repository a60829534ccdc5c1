"""After an outage of the broker every gateway of a fleet comes at once, and the broker drops what the one receiver is too slow for.

A real mosquitto says yes to each message and keeps a thousand, unless it is told otherwise; what it dropped it does not tell. The receiver, a
process of its own, is held until the broker has dropped something, however fast the machine is; then it sees the holes and asks.
"""

import asyncio
import contextlib
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from agent.clock import system_clock
from agent.core.delivery import FIRST_LEAD
from agent.publish.spool import Spool
from evidence.keys import public_from_jwk
from isms.broker import BATCH_MESSAGES
from isms.state import State
from tests.brokers import Mosquitto, mosquitto
from tests.faults.gateway import Place, moment, numbered
from tests.faults.outage import OUTBOX_CAP, PADDING, assert_complete, publishing, receiving

SUBSCRIBED = b"/evidence\n"
DROPPED = b"Outgoing messages are being dropped"
LOGGING = "log_type error\nlog_type warning\nlog_type notice\nlog_type subscribe"
PATIENCE_S = 60.0
LIMIT_S = 600.0


def crowd(gateways: int, records: int, *, queue: int = 1000) -> dict[str, float]:
    """Let so many gateways deliver so many records each through a broker that keeps so many for the receiver; return figures.

    What they send before the first receipt must be more than the receiver takes at once and the broker keeps: then it drops, always.
    """
    assert gateways * FIRST_LEAD > BATCH_MESSAGES + queue
    with tempfile.TemporaryDirectory(prefix="nameplated-crowd-") as name:
        folder = Path(name)
        places = [_with_a_backlog(folder / f"gw{number}", records) for number in range(gateways)]
        with (
            mosquitto(folder / "broker", f"max_queued_messages {queue}\n{LOGGING}") as broker,
            receiving(folder / "isms", broker, [place.author for place in places]) as receiver,
        ):
            log = broker.directory / "broker.log"
            _wait_for(SUBSCRIBED, log)
            began_s = time.monotonic()
            with _held_until(DROPPED, log, receiver.process):
                asyncio.run(_deliver(places, broker, receiver.state))
            took_s = time.monotonic() - began_s
            assert_complete(receiver.state, gateways, records + 1)
        asked = (folder / "isms" / "log").read_bytes().count(b"chain.hole")
    return {
        "gateways": gateways,
        "records": gateways * (records + 1),
        "asked for again": asked,
        "drain s": round(took_s, 1),
    }


def _with_a_backlog(directory: Path, records: int) -> Place:
    place = Place(directory, journal_cap=64 * 1024 * 1024, outbox_cap=OUTBOX_CAP, name=directory.name)
    directory.mkdir()
    with place.recorder() as recorder, place.spool(place.author) as spool:
        for first in range(0, records, 500):
            recorder.record([numbered(number, "a", PADDING) for number in range(first, min(first + 500, records))], [], moment())
            while spool.fold(moment()):
                pass
    return place


@contextlib.contextmanager
def _held_until(line: bytes, log: Path, process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Stop a process, and let it go on as soon as the broker has said so: else a fast receiver would leave the broker nothing to drop."""
    process.send_signal(signal.SIGSTOP)
    with ThreadPoolExecutor(1) as watcher:
        said = watcher.submit(_wait_for, line, log)
        said.add_done_callback(lambda _: process.send_signal(signal.SIGCONT))
        yield
        said.result()


def _wait_for(line: bytes, log: Path) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while line not in log.read_bytes():
        if time.monotonic() > until_s:
            raise TimeoutError(f"the broker never said {line!r}")
        time.sleep(0.02)


async def _deliver(places: list[Place], broker: Mosquitto, state: State) -> None:
    receiver = public_from_jwk(state.load_key().public_jwk)
    async with contextlib.AsyncExitStack() as stack:
        spools = list[Spool]()
        for place in places:
            spool = stack.enter_context(place.spool(place.author, now=system_clock()()))
            await stack.enter_async_context(publishing(spool, place, broker, receiver))
            spools.append(spool)
        async with asyncio.timeout(LIMIT_S):
            while not all(spool.outbox.is_empty() for spool in spools):
                await asyncio.sleep(0.2)
