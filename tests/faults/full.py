"""A disk that is really full: ENOSPC from the kernel, on a small file system of its own. Needs root, for the mount.

Nothing may crash, nothing that was promised may go, and everything goes on by itself once there is space again.
"""

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from agent.collect.recorder import Recorder
from agent.publish.spool import Spool
from buffer.errors import SpoolError
from tests.faults.gateway import Place, Receiver, deliver, drain, moment, numbered

VOLUME_BYTES = 3 * 1024 * 1024
SMALLER_VOLUME_BYTES = 2 * 1024 * 1024
BALLAST_BYTES = 1024 * 1024
FLOOR_BYTES = 1024 * 1024


@contextlib.contextmanager
def small_volume(size_bytes: int = VOLUME_BYTES) -> Iterator[Path]:
    """A file system of so many bytes."""
    with tempfile.TemporaryDirectory(prefix="nameplated-full-") as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


def may_mount() -> bool:
    """Tell whether this user may mount a file system."""
    if os.geteuid() != 0:
        return False
    try:
        with small_volume():
            return True
    except (subprocess.CalledProcessError, OSError):
        return False


def _fill(volume: Path) -> Path:
    """Take every byte that is left."""
    filler = volume / "filler"
    with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1024))
    assert os.statvfs(volume).f_bavail == 0
    return filler


def _deliver_and_settle(spool: Spool, receiver: Receiver) -> int:
    """Hand everything over and settle it; return how many envelopes were let go of."""
    deliver(spool, receiver)
    receipt = receiver.receipt()
    assert receipt is not None
    return spool.settle(receipt)


def full_disk(records: int, seed: int) -> dict[str, int]:
    """Fill a volume, go on working; to the last byte, deliver, settle and start both halves anew; give space back; return figures."""
    with small_volume() as volume:
        place = Place(volume / "gateway", journal_cap=64 * VOLUME_BYTES, outbox_cap=64 * VOLUME_BYTES)
        place.directory.mkdir()
        ballast, receiver, author = volume / "ballast", Receiver(), place.author
        ballast.write_bytes(bytes(BALLAST_BYTES))
        refused = kept_waiting = 0
        with place.recorder() as recorder, place.spool(author) as spool:
            for number in range(records):
                kept_waiting += not recorder.record([numbered(number, f"a{number % 5}", 500)], [], moment(number))
                try:
                    spool.fold(moment(number))
                except (SpoolError, OSError):
                    refused += 1
            filler = _fill(volume)
            settled = _deliver_and_settle(spool, receiver)
            least_free = os.statvfs(volume).f_bavail * os.statvfs(volume).f_frsize
            in_memory = recorder.waiting + recorder.given_up  # what did not fit is counted there, and the count waits too
        with place.recorder() as recorder, place.spool(author) as spool:  # both halves start anew, without a free byte
            assert spool.next_session(moment()) > 0
            begun_while_full = not recorder.begin(moment(records + 4000), assets=0) and recorder.waiting > 0
            filler.unlink()
            ballast.unlink()
            recorder.tick(moment(records + 4001))
            assert recorder.waiting == 0
            drain(spool, receiver, moment(records + 5000))
        assert refused + kept_waiting > 0, "the disk never was full"
        confessed, gone_since = receiver.missing + receiver.lost, moment(max(receiver.seen) + 1).text
        assert records - in_memory - len(receiver.seen) <= confessed, f"{len(receiver.seen)} came, {confessed} are confessed"
        assert any(each.since <= gone_since for each in receiver.silences), "nobody says that the last looks may be missing"
        assert receiver.head is not None and receiver.orphans == 0
        return {
            "records": records,
            "held in memory while full": kept_waiting,
            "folds refused": refused,
            "free bytes at worst": least_free,
            "settled while full": settled,
            "collect held in memory at its start": begun_while_full,
            "in memory when it ended": in_memory,
            "missing": records - len(receiver.seen),
            "confessed": confessed,
        }


def damage_on_a_small_volume(which: str) -> dict[str, int]:
    """Damage a file that takes most of a volume, of which the rest is nearly full too; start, deliver, and return figures."""
    with small_volume(SMALLER_VOLUME_BYTES) as volume:
        place = Place(volume / "gateway", journal_cap=64 * VOLUME_BYTES, outbox_cap=64 * VOLUME_BYTES)
        place.directory.mkdir()
        receiver, author, records = Receiver(), place.author, 850 if which == "journal" else 500
        with place.recorder() as recorder, place.spool(author) as spool:
            for number in range(records):
                assert recorder.record([numbered(number, f"a{number % 5}", 900)], [], moment(number))
                if which == "outbox":
                    spool.fold(moment(number))
        _spoil(place.journal if which == "journal" else place.outbox)
        with place.open_journal() as journal, place.spool(author, epoch_number=2, floor_bytes=FLOOR_BYTES) as spool:
            recorder = Recorder(journal, place.watermark, floor_bytes=FLOOR_BYTES)
            recorder.begin(moment(9000), assets=0)
            recorder.tick(moment(9000))  # the copy goes for the floor, or publish had no room for a journal that did
            assert recorder.record([numbered(records)], [], moment(9001)), "the new journal takes nothing"
            for step in range(1000):
                with contextlib.suppress(SpoolError, OSError):  # the role rests and tries again, and delivers
                    spool.fold(moment(9002 + 10 * step))
                with contextlib.suppress(SpoolError, OSError):
                    deliver(spool, receiver)
                    receipt = receiver.receipt()
                    if receipt is not None:
                        spool.settle(receipt)
                if records in receiver.seen and spool.outbox.is_empty():
                    break
        missing = records + 1 - len(receiver.seen)
        assert records in receiver.seen
        assert missing <= receiver.missing + receiver.lost + receiver.named or receiver.uncounted, receiver
        return {"records": records, "missing": missing, "confessed": receiver.missing + receiver.lost + receiver.named}


def _spoil(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 // 1024 * 1024)
        file.write(b"\xa5" * 1024)
