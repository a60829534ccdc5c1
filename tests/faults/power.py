"""Power cuts: a real run is recorded, cut at every sync in every way the disk allows, and started again.

Every start must find sound files, every record that was promised, every envelope as it was handed over, and a chain that goes on
without a second record for any place.
"""

import itertools
import random
import shutil
import sys
import tempfile
import zlib
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from agent.core.observation import Event
from buffer.journal import Journal
from buffer.outbox import Outbox, Stored
from evidence import kinds
from evidence.chain import Head
from tests.buffer import old_files
from tests.faults.disk import Disk, Op, Said, Sync, record
from tests.faults.gateway import Place, Receiver, drain, moment
from tests.faults.workload import SMALL, number_of

WAYS = ("none", "all", "some", "torn")
MEMORY = Path("/dev/shm")
UPDATE_EVERY = 4
"""Of so many runs one begins with files of an earlier version, so that the update is cut too."""

GO_ON_EVERY = 8
"""Of so many images one is not only looked at, but worked with until everything is delivered."""


@dataclass
class Promised:
    """What the gateway had promised at a moment."""

    written: set[int] = field(default_factory=set)
    sent: dict[tuple[str, int], tuple[bytes, int]] = field(default_factory=dict)
    settled: tuple[str, int] | None = None

    def hear(self, words: str) -> None:
        match words.split():
            case ["A", number]:
                self.written.add(int(number))
            case ["S", epoch, seq, digest, number]:
                self.sent[epoch, int(seq)] = bytes.fromhex(digest), int(number)
            case ["R", epoch, seq]:
                self.settled = epoch, int(seq)

    def receiver(self) -> Receiver:
        """A receiver as it then surely was: it holds what it gave a receipt for, and has seen all that was handed over."""
        held = {place: digest for place, (digest, _) in self.sent.items()}
        receiver = Receiver(known=held)
        if self.settled:
            epoch, upto = self.settled
            receiver.head = Head(epoch, upto, self.sent[epoch, upto][0])
            receiver.seen = {number for (_, seq), (_, number) in self.sent.items() if seq <= upto} - {-1}
        return receiver


def power_cuts(images: int, seed: int, *, processes: int = 1) -> dict[str, int]:
    """Check at least so many different images, with several recorded runs side by side; return figures."""
    figures, batch = Counter[str](), 1 if processes == 1 else 4 * processes
    with ProcessPoolExecutor(processes) as pool:
        for first in itertools.count(step=batch):
            for some in pool.map(_one_run, range(first, first + batch), itertools.repeat(seed), itertools.repeat(images)):
                figures.update(some)
            print(f"power: {figures['images']:,} of {images:,} images, {figures['runs']} runs", file=sys.stderr, flush=True)
            if figures["images"] >= images:
                return dict(figures)
    raise AssertionError("counting never ends")


def _one_run(number: int, seed: int, images: int) -> Counter[str]:
    """Record one run, and cut it everywhere, at most so often; return figures."""
    figures, chance = Counter(runs=1), random.Random(seed + number)
    base = Path(tempfile.mkdtemp(prefix="nameplated-power-", dir=MEMORY if MEMORY.is_dir() else None))
    try:
        work = base / "gateway"
        old = number % UPDATE_EVERY == UPDATE_EVERY - 1
        before = _old_files(work) if old else {}
        ops = record(work, seed + number, chance.randint(60, 240), first=100)
        key = (work / "report.key").read_bytes()
        shutil.rmtree(work)
        figures["runs from an earlier version"] += old
        promised = Promised(written=set(range(old_files.RECORDS)) if old else set())
        _cut_everywhere(ops, Disk(before), promised, work, key, chance, figures, images)
    finally:
        shutil.rmtree(base)
    return figures


def _old_files(work: Path) -> dict[str, bytes]:
    """Put the files of an earlier version in the place of the gateway's; return them."""
    shutil.rmtree(work, ignore_errors=True)
    old_files.copied(old_files.VERSIONS[-1], work)
    return {str(path): path.read_bytes() for path in work.rglob("*") if path.is_file() and path.name != "report.key"}


def _cut_everywhere(
    ops: list[Op],
    disk: Disk,
    promised: Promised,
    work: Path,
    key: bytes,
    chance: random.Random,
    figures: Counter[str],
    images: int,
) -> None:
    seen = set[int]()
    for op in ops:
        if isinstance(op, Said):
            promised.hear(op.words)
            continue
        if not figures["images"] < images:
            return
        if disk.unsynced:
            for way in WAYS if isinstance(op, Sync) or chance.random() < 0.5 else ("some", "torn"):
                image = disk.image(way, chance)
                mark = hash(tuple(sorted((path, zlib.crc32(content)) for path, content in image.items())))
                if mark in seen:
                    continue
                seen.add(mark)
                figures["images"] += 1
                _check(image, work, key, promised, figures)
        disk.do(op)


def _check(image: dict[str, bytes], work: Path, key: bytes, promised: Promised, figures: Counter[str]) -> None:
    place = Place(work, journal_cap=SMALL, outbox_cap=4 * SMALL)
    for folder in (place.journal.parent, place.outbox.parent):
        folder.mkdir(parents=True, exist_ok=True)
    for path, content in image.items():
        if not path.endswith("report.key"):
            Path(path).write_bytes(content)
    (work / "report.key").write_bytes(key)
    (work / "report.key").chmod(0o600)
    if figures["images"] % GO_ON_EVERY:
        look(place, promised)
    else:
        go_on(place, promised)
        figures["gone on with"] += 1
    for path in work.rglob("*"):
        if path.is_file():
            path.unlink()


def look(place: Place, promised: Promised) -> None:
    """Both files open, and between them and the receiver they hold everything that was promised."""
    receiver = promised.receiver()
    with (
        Journal.open(place.journal, max_bytes=place.journal_cap) as journal,
        Outbox.open(place.outbox, max_bytes=place.outbox_cap) as outbox,
    ):
        assert journal.recovered is None, journal.recovered
        assert outbox.damaged is None, outbox.damaged
        parcels = outbox.pending(0, limit=100_000)
        found = set(receiver.seen)
        for parcel in parcels:
            assert isinstance(parcel, Stored), parcel
            assert receiver.known.get((parcel.epoch, parcel.seq), parcel.digest) == parcel.digest
            found.add(number_of(parcel))
        found |= _numbers(journal)
    assert promised.written <= found, sorted(promised.written - found)


def _numbers(journal: Journal) -> set[int]:
    rows = journal._store.rows("SELECT body FROM record WHERE kind = 'event'")
    events = [msgspec.json.decode(body, type=Event) for (body,) in rows if isinstance(body, bytes)]
    return {int(event.subject) for event in events if event.name == "n"}


def go_on(place: Place, promised: Promised) -> None:
    """The gateway starts, delivers everything, and the receiver finds nothing wrong with it."""
    receiver = promised.receiver()
    first = not promised.sent
    with place.recorder() as recorder, place.spool(place.author, epoch_number=2 if first else 1) as spool:
        recorder.begin(moment(9999), assets=0)
        drain(spool, receiver, moment(9999))
    assert receiver.missing == receiver.lost == receiver.orphans == 0, receiver
    assert promised.written <= receiver.seen, sorted(promised.written - receiver.seen)
    assert [start.reason for start in receiver.starts] in ([], [kinds.StartReason.FIRST_BOOT]), receiver.starts
