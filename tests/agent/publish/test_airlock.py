"""A look into the journal that never ends costs a thread, and nobody else waits for it."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest

from agent.publish.airlock import Airlock, look, wait
from buffer.errors import SpoolBusyError, SpoolDamagedError
from buffer.journal import Journal
from buffer.record import State
from buffer.watermark import Watermark
from tests.agent.publish.test_survey import asset
from tests.buffer.samples import AT, ROOT, draft, state

NOTHING = Watermark(journal_id="", seq=0)


def test_a_look_brings_what_comes_after_the_watermark(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "journal.db", max_bytes=1 << 20) as journal:
        journal.append([draft(b"one"), draft(b"two")], [state(kind="asset")])
        mark = Watermark(journal_id=journal.id, seq=1)
    batch = wait(Airlock().start(lambda: look(tmp_path / "journal.db", mark, states=True)))
    assert [record.seq for record in batch.records] == [2]
    assert batch.survey is not None and batch.survey.example.startswith("10.0.0.7")
    assert look(tmp_path / "journal.db", NOTHING, states=False).survey is None


GROWTH = """
import resource, sys
from pathlib import Path
from agent.core.moment import Moment
from agent.publish.airlock import look
from agent.publish.manifest import Told, manifest
from buffer.watermark import Watermark
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
before = peak()
batch = look(Path(sys.argv[1]), Watermark(journal_id="", seq=0), states=True)
now = Moment(at_s=0.0, up_s=0.0, boot="b", clock="sync")
drafts = manifest(batch.survey, now, Told(moment=now))
print(peak() - before, len(drafts), batch.survey.left_out)
"""


def test_a_hostile_journal_of_any_size_takes_little_memory(tmp_path: Path) -> None:
    wide = "\N{GRINNING FACE}"
    requests = {f"{wide * 60}{number}": 1 for number in range(32)}
    long = msgspec.json.encode(msgspec.json.decode(asset("a", t_requests=requests, o_address=wide * 1024).body))
    many = asset("a", o_posture={"a": [[]] * 60_000}).body
    with Journal.open(tmp_path / "journal.db", max_bytes=256 << 20) as journal:
        for number in range(26):
            named = [State(kind="asset", subject=f"{number}-{each}", at=AT, body=long) for each in range(60)]
            journal.append([], [*named, State(kind="asset", subject=f"{number}", at=AT, body=many)])
            journal.append([], [state(b"[" * 250_000 + b"]" * 250, subject=f"{number}-{each}") for each in range(3)])
    measured = subprocess.run(
        [sys.executable, "-c", GROWTH, str(tmp_path / "journal.db")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    grown_mib, drafts, left_out = measured.stdout.split(maxsplit=2)
    assert int(grown_mib) < 40 and int(drafts) > 10
    assert "was not looked at" in left_out


def test_what_a_look_finds_wrong_comes_back_as_it_was_raised(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"no database" * 200)
    with pytest.raises(SpoolDamagedError):
        wait(Airlock().start(lambda: look(tmp_path / "journal.db", NOTHING, states=False)))


def test_a_look_that_does_not_end_is_given_up_and_keeps_the_next_one_out_until_it_does() -> None:
    airlock, end = Airlock[bool](), threading.Event()
    future = airlock.start(end.wait)
    with pytest.raises(SpoolBusyError, match="longer than"):
        wait(future, 0.05)
    with pytest.raises(SpoolBusyError, match="has not come back"):
        airlock.start(end.wait)
    end.set()
    assert wait(future)
    assert wait(airlock.start(lambda: True))


def test_a_pipe_in_the_place_of_the_rollback_journal_keeps_nobody_waiting(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    Journal.open(path, max_bytes=1 << 20).close()
    path.with_name("journal.db-journal").unlink(missing_ok=True)
    os.mkfifo(path.with_name("journal.db-journal"))
    airlock, began_s = Airlock(), time.monotonic()
    with pytest.raises(SpoolBusyError):
        wait(airlock.start(lambda: look(path, NOTHING, states=False)), 0.3)
    assert time.monotonic() - began_s < 2
    if airlock.stuck:  # let the thread go, which the other user would not do
        os.close(os.open(path.with_name("journal.db-journal"), os.O_WRONLY | os.O_NONBLOCK))
