"""kill -9 at any moment: a process that records, folds, delivers and settles is killed, and the next one must go on.

Nothing that was promised may be missing, no place of the chain may have two records, and no start may find a file damaged.
"""

import os
import random
import select
import shutil
import signal
import tempfile
import time
import traceback
from pathlib import Path

from tests.faults import workload
from tests.faults.gateway import Place
from tests.faults.power import MEMORY, Promised, go_on, look

KILLS_IN_ONE_LIFE = 50
"""Of one gateway, before everything is delivered and another one begins."""

LONGEST_LIFE_S = 0.06


def kills(loops: int, seed: int) -> dict[str, float]:
    """Kill so often; return figures."""
    chance = random.Random(seed)
    base = Path(tempfile.mkdtemp(prefix="nameplated-kills-", dir=MEMORY if MEMORY.is_dir() else None))
    slowest_s, records, envelopes = 0.0, 0, 0
    try:
        for start in range(0, loops, KILLS_IN_ONE_LIFE):
            place = Place(base / str(start), journal_cap=workload.SMALL, outbox_cap=4 * workload.SMALL)
            place.directory.mkdir()
            promised, attempted = Promised(), 0
            assert place.author, "its key is made before the first life: a key that is half there is nobody's"
            for _ in range(min(KILLS_IN_ONE_LIFE, loops - start)):
                attempted = _live_and_die(place, promised, attempted, chance)
                began_s = time.monotonic()
                look(place, promised)
                slowest_s = max(slowest_s, time.monotonic() - began_s)
            go_on(place, promised)
            records, envelopes = records + len(promised.written), envelopes + len(promised.sent)
            shutil.rmtree(place.directory)
        return {"kills": loops, "records": records, "envelopes": envelopes, "slowest start ms": round(1000 * slowest_s)}
    finally:
        shutil.rmtree(base)


def _live_and_die(place: Place, promised: Promised, first: int, chance: random.Random) -> int:
    """Let a process work, kill it, and hear what it had promised; return the first number that it cannot have used."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writer, 1)
        os.close(reader)
        try:
            workload.main(place.directory, chance.randrange(2**32), 10_000, first=first)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(3)  # only a kill ends it
    os.close(writer)
    heard = _listen(reader, chance.uniform(0.003, LONGEST_LIFE_S))
    os.kill(child, signal.SIGKILL)
    with os.fdopen(reader, "rb") as rest:
        heard += rest.read()
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the process ended by itself"
    for line in heard.decode().splitlines(keepends=True):
        if line.endswith("\n"):
            promised.hear(line.strip())
    return max([first, *(number + 100 for number in promised.written)])


def _listen(reader: int, seconds: float) -> bytes:
    heard, end_s = b"", time.monotonic() + seconds
    while (left_s := end_s - time.monotonic()) > 0:
        if select.select([reader], [], [], left_s)[0]:
            heard += os.read(reader, 65_536)
    return heard
