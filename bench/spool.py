"""What durability costs: records a second beside bare SQLite, and the bytes that a day of 100 assets writes to the disk.

Run with `python -m bench.spool [records|flash|device]`. Decides nothing: it prints figures, and no test depends on them.
`device` lives through the same day on an ext4 of its own, in a file behind a loop device, and reads that device's own counter: what
the file system adds, its journal above all, is in it. Needs root and loop devices.
"""

import contextlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from agent.collect.recorder import Recorder
from agent.collect.records import draft
from agent.core.asset import AssetState, after_look
from agent.core.moment import ClockState, Moment, rfc3339
from agent.core.observation import FieldValue, Observation, VisitLedger
from agent.core.schedule import Rhythm, Turn, next_turn
from buffer.journal import Journal
from buffer.record import Draft, State
from tests.faults.gateway import Place, Receiver, deliver

ASSETS = 100
INTERVAL_S = 21_600.0
DAY_S = 86_400.0
VOLUME_BYTES = 512 * 1024 * 1024
BODY = bytes(1000)
AT = "2026-11-22T00:00:00.000Z"
FIELDS = (
    "manufacturer_name",
    "order_code_of_manufacturer",
    "manufacturer_product_designation",
    "serial_number",
    "firmware_version",
)


def moment(up_s: float) -> Moment:
    """A synchronised clock."""
    return Moment(at_s=1_800_000_000.0 + up_s, up_s=up_s, boot="b" * 36, clock=ClockState.SYNC)


def records(folder: Path, count: int = 2_000, batch: int = 1) -> dict[str, float]:
    """Append durable records to the journal, and the same rows in the same commits to bare SQLite with the same settings."""
    drafts = [Draft(kind="observation", subject="press-07", at=AT, body=BODY)] * batch
    with Journal.open(folder / "journal.db", max_bytes=256 * 1024 * 1024) as journal:
        ours_s = _timed(lambda: journal.append(drafts), count // batch)
    bare = sqlite3.connect(folder / "bare.db", isolation_level=None)
    for setting in ("page_size = 1024", "journal_mode = TRUNCATE", "synchronous = FULL"):
        bare.execute(f"PRAGMA {setting}")
    bare.execute(
        "CREATE TABLE record (seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, subject TEXT, at TEXT, body BLOB, crc INT)"
    )
    rows = [("observation", "press-07", AT, BODY, 1)] * batch

    def commit() -> None:
        bare.execute("BEGIN IMMEDIATE")
        bare.executemany("INSERT INTO record (kind, subject, at, body, crc) VALUES (?, ?, ?, ?, ?)", rows)
        bare.execute("COMMIT")

    bare_s = _timed(commit, count // batch)
    bare.close()
    return {
        "batch": batch,
        "ours per s": round(count / ours_s),
        "bare per s": round(count / bare_s),
        "ratio": round(bare_s / ours_s, 2),
    }


def _timed(work, times: int) -> float:
    began_s = time.perf_counter()
    for _ in range(times):
        work()
    return time.perf_counter() - began_s


def flash(folder: Path, written: Callable[[], int]) -> dict[str, float]:
    """Live through a day of 100 assets at default settings, the second one: nothing is new but one firmware in the evening."""
    place = Place(folder, journal_cap=64 * 1024 * 1024, outbox_cap=256 * 1024 * 1024)
    with place.open_journal() as journal, place.spool(place.author, now=moment(0)) as spool:
        recorder = Recorder(journal, place.watermark)
        recorder.begin(moment(0), assets=ASSETS)
        states: dict[str, AssetState] = {}
        turns: dict[str, Turn] = {}
        looks = sorted(
            (random.Random(number).random() * INTERVAL_S + turn * INTERVAL_S, number)
            for number in range(ASSETS)
            for turn in range(8)
        )
        receiver, before = Receiver(), 0
        for day in range(2):
            before = written()
            for minute in range(day * 1440, (day + 1) * 1440):
                now_s = 60.0 * minute
                while looks and looks[0][0] <= now_s:
                    _look(looks.pop(0)[1], now_s, recorder, states, turns)
                recorder.tick(moment(now_s))
                if spool.fold(moment(now_s)):
                    deliver(spool, receiver, now=moment(now_s))
                    receipt = receiver.receipt()
                    assert receipt is not None
                    spool.settle(receipt)
    wrote = written() - before
    return {"assets": ASSETS, "records held": len(receiver.known), "bytes a day": wrote, "MB a day": round(wrote / 1e6, 2)}


def _look(number: int, now_s: float, recorder: Recorder, states: dict[str, AssetState], turns: dict[str, Turn]) -> None:
    name, now = f"asset-{number}", moment(now_s)
    firmware = "V2.9" if number == 7 and now_s > 1.8 * DAY_S else "V2.8"
    values = [f"value of {field}" for field in FIELDS[:-1]] + [firmware]
    plate = {
        field: FieldValue(value=value, source=f"43/14 object {n:#04x}", raw=value.encode().hex())
        for n, (field, value) in enumerate(zip(FIELDS, values, strict=True))
    }
    look = Observation(
        asset_id=name,
        address=f"modbus-tcp://10.20.0.{number}:502?unit=1",
        observed_at=rfc3339(now.at_s),
        moment=now,
        outcome="identified",
        nameplate=plate,
        ledger=VisitLedger(connections=1, requests={"43/14": 1}, sent_bytes=11, received_bytes=90),
    )
    before = states.get(name)
    new = before is None or before.observation.nameplate != plate
    states[name] = after_look(before, look)
    turns[name] = next_turn(turns.get(name), "identified", (), rhythm=Rhythm(), now=now, chance=0.5)
    kept = [
        State(kind=kind, subject=name, at=now.text, body=msgspec.json.encode(body))
        for kind, body in (("asset", states[name]), ("endpoint", turns[name]))
    ]
    recorder.record([draft("observation", name, look, now.text)] if new else [], kept, now)


def _written_bytes() -> int:
    """What this process has sent to the storage layer, in whole pages, as the kernel counts it."""
    return int(Path("/proc/self/io").read_text().split("\nwrite_bytes: ")[1].split()[0])


@contextlib.contextmanager
def _ext4(folder: Path) -> Iterator[tuple[Path, Callable[[], int]]]:
    """A file system of its own on a loop device, and the count of bytes that reached that device."""
    image, mount = folder / "image", folder / "mount"
    mount.mkdir()
    with image.open("wb") as file:
        file.truncate(VOLUME_BYTES)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    found = subprocess.run(["losetup", "--find", "--show", str(image)], check=True, capture_output=True, text=True).stdout
    loop = Path(found.strip())
    try:
        subprocess.run(["mount", str(loop), str(mount)], check=True)
        try:
            yield mount, lambda: _reached(loop)
        finally:
            subprocess.run(["umount", str(mount)], check=True)
    finally:
        subprocess.run(["losetup", "--detach", str(loop)], check=True)


def _reached(loop: Path) -> int:
    os.sync()
    return 512 * int((Path("/sys/block") / loop.name / "stat").read_text().split()[6])


def device(folder: Path) -> dict[str, float]:
    """The same day as `flash`, counted by the device."""
    with _ext4(folder) as (mount, reached):
        return flash(_fresh(mount), reached)


def main() -> int:
    """Print the figures as JSON. Works in the current directory, which should be on a disk and not in memory."""
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir="."))
    try:
        wanted = sys.argv[1:] or ["records", "flash"]
        if "records" in wanted:
            for batch in (1, 10):
                print(json.dumps({"records": records(_fresh(folder), batch=batch)}))
        if "flash" in wanted:
            print(json.dumps({"flash": flash(_fresh(folder), _written_bytes)}))
        if "device" in wanted:
            print(json.dumps({"device": device(_fresh(folder))}))
    finally:
        shutil.rmtree(folder)
    return 0


def _fresh(folder: Path) -> Path:
    return Path(tempfile.mkdtemp(dir=folder))


if __name__ == "__main__":
    sys.exit(main())
