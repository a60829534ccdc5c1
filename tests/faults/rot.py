"""Bit rot and worse: bits flip, sectors go, files end early, vanish, or are put back from a copy. It meets both databases, their logs,
the watermark, and the line that says how far the chain reached.

Whatever it is, the next start works, the chain stays provable, and no place that was ever handed out is used for something else.
"""

import contextlib
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.core.silence import HEARTBEAT_S
from buffer.chainend import chain_end_file
from buffer.errors import SpoolDamagedError, SpoolNewerError
from buffer.journal import _APPEND, _record_row
from buffer.outbox import Stored
from buffer.record import Draft
from evidence.kinds import StartReason
from tests.faults.gateway import Place, Receiver, drain, moment, numbered
from tests.faults.power import MEMORY

RECORDS = 60


@dataclass(frozen=True)
class Whole:
    """A sound gateway, of which every envelope may have been handed out.

    Attributes:
        places: Stopped in good order; killed with its transactions still in the log of its outbox; killed in mid-commit of its journal.
        earlier: Its files at an earlier time, by name.
        handed_out: Digest of every envelope, by place.
    """

    places: tuple[Path, Path, Path]
    earlier: dict[str, bytes]
    handed_out: dict[tuple[str, int], bytes]


def rot(rounds: int, seed: int) -> dict[str, int]:
    """Damage the files so often, each time in another way; return figures."""
    chance, figures = random.Random(seed), Counter[str]()
    base = Path(tempfile.mkdtemp(prefix="nameplated-rot-", dir=MEMORY if MEMORY.is_dir() else None))
    try:
        whole = _whole(base)
        for number in range(rounds):
            place = Place(base / str(number))
            shutil.copytree(chance.choice(whole.places), place.directory)
            for path in _victims(place, whole, chance):
                if path.exists() and path.stat().st_size and chance.random() < 0.6:
                    _damage(path, chance, whole.earlier.get(path.name))
            began_s = time.process_time()
            try:
                _go_on(place, whole, figures)
            except (
                SpoolNewerError
            ):  # the version's number and the structure, both: a later file for all we know, and nothing was touched
                figures["left untouched"] += 1
            figures["slowest ms of a processor"] = max(
                figures["slowest ms of a processor"], round(1000 * (time.process_time() - began_s))
            )
            figures["rounds"] += 1
            shutil.rmtree(place.directory)
        return dict(figures)
    finally:
        shutil.rmtree(base)


def _victims(place: Place, whole: Whole, chance: random.Random) -> Iterator[Path]:
    """Choose what may be damaged together, each after the one before was.

    Not together, for then nobody at the gateway can know (docs/reliability.md): an outbox that goes back in time and the line beside
    it; a journal that vanishes and its watermark; a journal that goes back in time, its watermark, and the outbox that remembers it.
    """
    is_outbox_safe = chance.random() < 0.25
    yield from [chain_end_file(place.outbox)] if is_outbox_safe else [place.outbox, _log_beside(place.outbox)]
    yield from (place.journal, place.journal.with_name("journal.db-journal"))
    journal = place.journal.read_bytes() if place.journal.exists() else b""
    if journal and (is_outbox_safe or journal != whole.earlier["journal.db"]):
        yield place.watermark


def _whole(base: Path) -> Whole:
    """A gateway with records in both files."""
    place, killed = Place(base / "whole"), base / "killed"
    place.directory.mkdir()
    _work(place, 0, RECORDS // 3)
    earlier = {path.name: path.read_bytes() for path in (place.outbox, place.journal)}
    with place.recorder() as recorder, place.spool(place.author) as spool:
        for number in range(RECORDS // 3, RECORDS):
            recorder.record([numbered(number, f"a{number % 5}", number * 13 % 700)], [], moment())
            if number < RECORDS * 2 // 3:
                spool.fold(moment())
        parcels = spool.outbox.pending(0, limit=1000)
        shutil.copytree(place.directory, killed)
    _stop_in_mid_commit(place, base / "in mid-commit")
    handed_out = {(parcel.epoch, parcel.seq): parcel.digest for parcel in parcels if isinstance(parcel, Stored)}
    return Whole(places=(place.directory, killed, base / "in mid-commit"), earlier=earlier, handed_out=handed_out)


def _stop_in_mid_commit(place: Place, copy: Path) -> None:
    """Take a copy while a transaction of the journal is half in the file, and half in the rollback journal only."""
    with place.open_journal() as journal:
        last = journal.last_seq
        journal._store.run("PRAGMA cache_size = 1")
        with contextlib.suppress(_BackError), journal._store.transaction():
            journal._store.run("DELETE FROM record WHERE seq <= ?", (RECORDS // 3,))
            unseen = Draft(kind="event", subject="gateway", at=moment().text, body=bytes(900))
            journal._store.run_many(_APPEND, (_record_row(last + number, unseen) for number in range(1, RECORDS)))
            shutil.copytree(place.directory, copy)
            raise _BackError


class _BackError(Exception):
    """Not this time."""


def _work(place: Place, first: int, end: int) -> None:
    with place.recorder() as recorder, place.spool(place.author) as spool:
        for number in range(first, end):
            recorder.record([numbered(number, f"a{number % 5}", number * 13 % 700)], [], moment())
            spool.fold(moment())


def _damage(path: Path, chance: random.Random, earlier: bytes | None) -> None:
    match chance.randrange(12):
        case 0:
            path.unlink()
        case 1 | 2 if earlier is not None:
            path.write_bytes(earlier)
            _log_beside(path).unlink(missing_ok=True)
            path.with_name(path.name + "-journal").unlink(missing_ok=True)
        case _:
            path.write_bytes(damaged(path.read_bytes(), chance))


def _log_beside(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def damaged(content: bytes, chance: random.Random) -> bytes:
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


def _go_on(place: Place, whole: Whole, figures: Counter[str]) -> None:
    """Start, as often as a role would, deliver everything, and account for every record."""
    receiver, author, broken = Receiver(known=dict(whole.handed_out)), place.author, ""
    for attempt in range(3):
        try:
            with place.recorder() as recorder, place.spool(author, epoch_number=2 + attempt, broken=broken) as spool:
                recorder.begin(moment(9000 + attempt), assets=0)
                recorder.record([numbered(RECORDS)], [], moment(9000 + attempt))
                for hour in range(3):  # until collect has looked at its watermark again
                    recorder.tick(moment(9000 + attempt + hour * HEARTBEAT_S))
                    drain(spool, receiver, moment(9000 + attempt + hour * HEARTBEAT_S))
                assert receiver.head is not None and receiver.head.seq == spool.chain.seq
                break
        except SpoolDamagedError as damage:  # found in the midst of work: the role opens its file again
            broken = str(damage)
            figures["found while at work"] += 1
    else:
        raise AssertionError("it never came up")
    assert RECORDS in receiver.seen
    _count(receiver, whole, figures)


def _count(receiver: Receiver, whole: Whole, figures: Counter[str]) -> None:
    anew = [start for start in receiver.starts if start.reason in (StartReason.DAMAGED, StartReason.RESTORE)]
    last = max(whole.handed_out)
    figures["chains begun anew"] += bool(anew)
    figures["of these after going back in time"] += any(start.reason is StartReason.RESTORE for start in anew)
    for start in anew:
        assert start.previous is not None, "the end of the former chain was not named"
        assert (start.previous.epoch, start.previous.seq) >= last, start.previous
    figures["records not delivered"] += RECORDS + 1 - len(receiver.seen)
    figures["confessed"] += receiver.missing + receiver.lost + receiver.named
    figures["rounds with a loss that nobody can count"] += receiver.uncounted
    if not receiver.uncounted:
        assert RECORDS + 1 - len(receiver.seen) <= receiver.missing + receiver.lost + receiver.named
