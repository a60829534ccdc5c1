"""What was seen waits while the journal cannot be written, in bounded memory, and what no longer fits is confessed."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from agent.collect.recorder import LONGEST_TAIL, TRIM_STEP, Recorder
from buffer.errors import SpoolBusyError, SpoolFullError
from buffer.journal import Journal
from buffer.record import Draft, State
from buffer.watermark import write_watermark
from tests.agent.core.looks import moment

MIB = 1024 * 1024
AT = "2026-11-03T08:00:00.000Z"


class ObstinateJournal:
    """A journal that refuses as often as it is told, and keeps what it accepts."""

    id = "0" * 32

    def __init__(self, *refusals: Exception) -> None:
        self.refusals = list(refusals)
        self.written: list[Draft] = []
        self.states: list[State] = []

    def append(self, drafts: Sequence[Draft], states: Sequence[State] = ()) -> int:
        if self.refusals:
            raise self.refusals.pop(0)
        self.written += drafts
        self.states += states
        return len(self.written)

    def trim(self, upto: int) -> int:
        return upto


def note(number: int) -> Draft:
    return Draft(kind="event", subject="gateway", at=AT, body=str(number).encode())


def state(body: bytes) -> State:
    return State(kind="asset", subject="press-07", at=AT, body=body)


def recorder(journal: object, tmp_path: Path) -> Recorder:
    return Recorder(journal, tmp_path / "watermark")  # type: ignore[arg-type]  # the port, not the class


def test_what_a_busy_journal_refused_is_written_with_the_next_look_in_order(tmp_path: Path) -> None:
    journal = ObstinateJournal(SpoolBusyError("held"), SpoolFullError("full"), OSError("read-only file system"))
    writer = recorder(journal, tmp_path)
    for number in range(3):
        assert not writer.record([note(number)], [state(b"%d" % number)], moment())
    assert writer.waiting == 3
    assert writer.record([note(3)], [], moment())
    assert [draft.body for draft in journal.written] == [b"0", b"1", b"2", b"3"]
    assert [each.body for each in journal.states] == [b"2"]
    assert writer.waiting == 0


def test_what_does_not_fit_in_memory_is_counted_and_confessed(tmp_path: Path) -> None:
    journal = ObstinateJournal(*[SpoolBusyError("held")] * (LONGEST_TAIL + 5))
    writer = recorder(journal, tmp_path)
    for number in range(LONGEST_TAIL + 5):
        writer.record([note(number)], [], moment())
    assert writer.waiting == LONGEST_TAIL
    assert writer.record([], [], moment())
    confession = msgspec.json.decode(journal.written[0].body)
    assert (confession["name"], confession["detail"].split()[0]) == ("collect.dropped", "5")
    assert len(journal.written) == LONGEST_TAIL + 1


def test_folded_records_are_trimmed_in_steps(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "journal.db", max_bytes=MIB) as journal:
        writer = Recorder(journal, tmp_path / "watermark")
        writer.record([note(number) for number in range(TRIM_STEP + 10)], [], moment())
        write_watermark(tmp_path / "watermark", journal.id, TRIM_STEP - 1)
        writer.record([], [], moment())
        assert journal.trim(0) == 0 and _count(tmp_path) == TRIM_STEP + 10
        write_watermark(tmp_path / "watermark", journal.id, TRIM_STEP)
        writer.record([], [], moment())
        assert _count(tmp_path) == 10


def test_watermark_of_another_journal_trims_nothing(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "journal.db", max_bytes=MIB) as journal:
        writer = Recorder(journal, tmp_path / "watermark")
        write_watermark(tmp_path / "watermark", "f" * 32, 10_000)
        writer.record([note(number) for number in range(TRIM_STEP * 2)], [], moment())
        assert _count(tmp_path) == TRIM_STEP * 2


def _count(tmp_path: Path) -> int:
    from buffer.journal import JournalView

    with JournalView.open(tmp_path / "journal.db") as view:
        return len(view.read(0, max_records=10_000, max_bytes=MIB))


def test_full_journal_has_room_again_once_it_was_folded(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "journal.db", max_bytes=256 * 1024) as journal:
        writer = Recorder(journal, tmp_path / "watermark")
        big = Draft(kind="event", subject="gateway", at=AT, body=b"x" * 1000)
        while writer.record([big], [], moment()):
            pass
        write_watermark(tmp_path / "watermark", journal.id, journal.last_seq)
        writer.record([big], [], moment())
        assert writer.record([big], [], moment())
        assert writer.waiting == 0
