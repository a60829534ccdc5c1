"""A look into the journal that never ends costs a thread, and nobody else waits for it."""

import os
import threading
import time
from pathlib import Path

import pytest

from agent.publish.airlock import Airlock, look, wait
from buffer.errors import SpoolBusyError, SpoolDamagedError
from buffer.journal import Journal
from buffer.watermark import Watermark
from tests.buffer.samples import draft, state

NOTHING = Watermark(journal_id="", seq=0)


def test_a_look_brings_what_comes_after_the_watermark(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "journal.db", max_bytes=1 << 20) as journal:
        journal.append([draft(b"one"), draft(b"two")], [state(kind="asset")])
        mark = Watermark(journal_id=journal.id, seq=1)
    batch = wait(Airlock().start(lambda: look(tmp_path / "journal.db", mark, states=True)))
    assert [record.seq for record in batch.records] == [2]
    assert batch.states is not None and list(batch.states) == ["10.0.0.7"]
    assert look(tmp_path / "journal.db", NOTHING, states=False).states is None


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
