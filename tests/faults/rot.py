"""Bit rot and worse: bits flip, sectors go, files end early. Whatever it is, the next start works, and the chain stays provable."""

import random
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path

from buffer.errors import SpoolDamagedError, SpoolNewerError
from tests.faults.gateway import Place, Receiver, drain, moment, numbered
from tests.faults.power import MEMORY

RECORDS = 60


def rot(rounds: int, seed: int) -> dict[str, int]:
    """Damage both files so often, each time in another way; return figures."""
    chance, figures = random.Random(seed), Counter[str]()
    base = Path(tempfile.mkdtemp(prefix="nameplated-rot-", dir=MEMORY if MEMORY.is_dir() else None))
    try:
        whole = _whole(base / "whole")
        for number in range(rounds):
            place = Place(base / str(number))
            shutil.copytree(whole.directory, place.directory)
            for path in (place.outbox, place.journal):
                if chance.random() < 0.7:
                    path.write_bytes(_damaged(path.read_bytes(), chance))
            began_s = time.monotonic()
            try:
                _go_on(place, figures)
            except SpoolNewerError:  # a bit of the version flipped: an operator has to look, and nothing was touched
                figures["left untouched"] += 1
            figures["slowest ms"] = max(figures["slowest ms"], round(1000 * (time.monotonic() - began_s)))
            figures["rounds"] += 1
            shutil.rmtree(place.directory)
        return dict(figures)
    finally:
        shutil.rmtree(base)


def _whole(directory: Path) -> Place:
    """A gateway with records in both files."""
    place = Place(directory)
    directory.mkdir()
    with place.recorder() as recorder, place.spool(place.author) as spool:
        for number in range(RECORDS):
            recorder.record([numbered(number, f"a{number % 5}", number * 13 % 700)], [], moment())
            if number < RECORDS * 2 // 3:
                spool.fold(moment())
    return place


def _damaged(content: bytes, chance: random.Random) -> bytes:
    damaged = bytearray(content)
    match chance.randrange(5):
        case 0 | 1:
            for _ in range(chance.choice([1, 1, 3, 30])):
                damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        case 2:
            start = chance.randrange(len(damaged)) // 512 * 512
            damaged[start : start + 512] = bytes(512) if chance.random() < 0.5 else chance.randbytes(512)
        case 3:
            start = chance.randrange(len(damaged)) // 4096 * 4096
            damaged[start : start + 4096] = bytes(4096)
        case 4:
            del damaged[chance.randrange(len(damaged)) :]
    return bytes(damaged)


def _go_on(place: Place, figures: Counter[str]) -> None:
    """Start, as often as a role would, deliver everything, and account for every record."""
    receiver, author, broken = Receiver(), place.author, ""
    for attempt in range(3):
        try:
            with place.recorder() as recorder, place.spool(author, epoch_number=2 + attempt, broken=broken) as spool:
                recorder.begin(moment(9000 + attempt), assets=0)
                recorder.record([numbered(RECORDS)], [], moment(9000 + attempt))
                drain(spool, receiver, moment(9000 + attempt))
                assert receiver.head is not None and receiver.head.seq == spool.chain.seq
                break
        except SpoolDamagedError as damage:  # found in the midst of work: the role opens its file again
            broken = str(damage)
            figures["found while at work"] += 1
    else:
        raise AssertionError("it never came up")
    assert RECORDS in receiver.seen
    figures["chains begun anew"] += any(start.reason == "damaged" for start in receiver.starts)
    figures["records not delivered"] += RECORDS + 1 - len(receiver.seen)
    figures["confessed"] += receiver.missing + receiver.lost
