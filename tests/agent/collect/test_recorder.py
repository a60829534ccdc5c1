"""What was seen waits while the journal cannot be written, in bounded memory, and what no longer fits is confessed."""

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from agent.collect.recorder import LONGEST_TAIL, TRIM_STEP, Recorder
from agent.core.moment import ClockState, Moment
from agent.core.silence import Silence
from buffer.backlog import Backlog, read_backlog, write_backlog
from buffer.errors import SpoolBusyError, SpoolFullError
from buffer.journal import Journal
from buffer.limits import MAX_SEQ
from buffer.record import Draft, Record, State
from buffer.view import JournalView
from buffer.watermark import write_watermark
from tests.agent.core.looks import moment
from tests.buffer.samples import ROOT, foreign, holder

MIB = 1024 * 1024
AT = "2026-11-03T08:00:00.000Z"


class ObstinateJournal:
    """A journal that refuses as often as it is told, and keeps what it accepts."""

    id = "0" * 32

    def __init__(self, *refusals: Exception) -> None:
        self.refusals = list(refusals)
        self.recovered = None
        self.written: list[Draft] = []
        self.kept: list[State] = []

    def append(self, drafts: Sequence[Draft], states: Sequence[State] = ()) -> int:
        if self.refusals:
            raise self.refusals.pop(0)
        self.written += drafts
        self.kept += states
        return len(self.written)

    def trim(self, upto: int) -> int:
        return upto

    def shed(self) -> int:
        return 0

    def states(self, kind: str) -> dict[str, State]:
        return {}

    def respect(self, floor_bytes: int) -> None:
        pass


def note(number: int) -> Draft:
    return Draft(kind="event", subject="gateway", at=AT, body=str(number).encode())


def records(path: Path) -> list[Record]:
    with JournalView.open(path) as view:
        return [entry for entry in view.read(0, max_records=2000, max_bytes=MIB) if isinstance(entry, Record)]


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
    assert [each.body for each in journal.kept if each.kind == "asset"] == [b"2"]
    assert writer.waiting == 0


def test_what_does_not_fit_in_memory_is_counted_and_confessed(tmp_path: Path) -> None:
    journal = ObstinateJournal(*[SpoolBusyError("held")] * (LONGEST_TAIL + 5))
    writer = recorder(journal, tmp_path)
    for number in range(LONGEST_TAIL + 5):
        writer.record([note(number)], [], moment())
    assert writer.waiting == LONGEST_TAIL
    assert writer.record([], [], moment())
    confession = msgspec.json.decode(journal.written[0].body, type=Silence)
    assert (confession.reason, confession.records) == ("lost", 5)
    assert len(journal.written) == LONGEST_TAIL + 1


def test_folded_records_are_trimmed_in_steps(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "journal.db", max_bytes=MIB) as journal:
        writer = Recorder(journal, tmp_path / "watermark")
        writer.record([note(number) for number in range(TRIM_STEP + 10)], [], moment())
        write_watermark(tmp_path / "watermark", journal.id, TRIM_STEP - 1)
        writer.record([], [], moment(), at_once=True)
        assert journal.trim(0) == 0 and _count(tmp_path) == TRIM_STEP + 10
        write_watermark(tmp_path / "watermark", journal.id, TRIM_STEP)
        writer.record([], [], moment(), at_once=True)
        assert _count(tmp_path) == 10


def test_watermark_of_another_journal_trims_nothing(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "journal.db", max_bytes=MIB) as journal:
        writer = Recorder(journal, tmp_path / "watermark")
        write_watermark(tmp_path / "watermark", "f" * 32, 10_000)
        writer.record([note(number) for number in range(TRIM_STEP * 2)], [], moment())
        assert _count(tmp_path) == TRIM_STEP * 2


def opened(tmp_path: Path, broken: str = "") -> Journal:
    return Journal.open(tmp_path / "journal.db", max_bytes=MIB, watermark_file=tmp_path / "watermark", broken=broken)


def lost_of(tmp_path: Path) -> list[Silence]:
    found = [msgspec.json.decode(each.body, type=Silence) for each in records(tmp_path / "journal.db") if each.kind == "silence"]
    return [each for each in found if each.reason == "lost"]


def test_journal_that_was_put_back_from_a_copy_is_confessed_and_every_device_left_alone(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        first = Recorder(journal, tmp_path / "watermark")
        first.begin(moment(), assets=1)
        first.record([note(1)], [state(b"{}")], moment(1))
        first.close(moment(2))
    copy = (tmp_path / "journal.db").read_bytes()
    with opened(tmp_path) as journal:
        journal.append([note(number) for number in range(2, 9)])
        write_watermark(tmp_path / "watermark", journal.id, journal.last_seq)
    (tmp_path / "journal.db").write_bytes(copy)
    with opened(tmp_path) as journal:
        second = Recorder(journal, tmp_path / "watermark")
        assert not second.begin(moment(99), assets=1)
        assert second.record([note(9)], [], moment(100))
        assert list(journal.states("asset")) == ["press-07"]
    [lost] = lost_of(tmp_path)
    assert (lost.records, lost.since) == (0, moment(2).text)
    assert {b"1", b"9"} <= {record.body for record in records(tmp_path / "journal.db")}


def test_watermark_beyond_the_end_at_work_begins_the_journal_anew_once_and_is_then_not_believed(tmp_path: Path) -> None:
    writer = Recorder(opened(tmp_path), tmp_path / "watermark", reopen=lambda why: opened(tmp_path, why))
    ids: list[str] = []
    for number in range(4):
        ids.append(writer._journal.id)
        write_watermark(tmp_path / "watermark", ids[-1], MAX_SEQ)
        assert writer.record([note(number)], [], moment(number))
    assert len(set(ids)) == 2
    assert [lost.records for lost in lost_of(tmp_path)] == [0]
    assert {b"0", b"1", b"2", b"3"} <= {record.body for record in records(tmp_path / "journal.db")}
    upto = writer._journal.append([note(number) for number in range(TRIM_STEP)])
    write_watermark(tmp_path / "watermark", writer._journal.id, upto)  # a lie keeps nothing from being trimmed later
    writer.record([], [], moment(9), at_once=True)
    assert _count(tmp_path) == 0
    writer.close(moment(10))


def test_journal_that_breaks_while_no_other_can_be_begun_is_begun_anew_later_with_all_that_was_saved(tmp_path: Path) -> None:
    refusals = [OSError("read-only"), SpoolBusyError("held"), SpoolFullError("full")]

    def reopen(why: str) -> Journal:
        if refusals:
            raise refusals.pop()
        return opened(tmp_path, why)

    writer = Recorder(opened(tmp_path), tmp_path / "watermark", reopen=reopen)
    assert writer.record([note(0)], [state(b"{}")], moment())
    foreign(tmp_path / "journal.db", "DROP TABLE record")
    for minute in range(1, 4):
        assert not writer.record([note(minute)], [], moment(60.0 * minute))
    writer.tick(moment(240))
    assert writer.waiting == 0
    assert list(writer._journal.states("asset")) == ["press-07"]
    assert {b"1", b"2", b"3"} <= {record.body for record in records(tmp_path / "journal.db")}
    writer.close(moment(241))


def test_ten_hours_without_a_tick_are_confessed_once_and_a_minute_is_none(tmp_path: Path) -> None:
    journal = ObstinateJournal()
    writer = recorder(journal, tmp_path)
    writer.begin(moment(), assets=1)
    assert [writer.tick(moment(up_s)) for up_s in (60, 36_060, 36_120)] == [False, True, False]
    [away] = [msgspec.json.decode(each.body, type=Silence) for each in journal.written if each.kind == "silence"]
    assert (away.reason, away.lasted_s, away.since, away.until) == ("stopped", 36_000.0, moment(60).text, moment(36_060).text)


TICKING = """
import sys, time
from pathlib import Path
from agent.clock import system_clock
from agent.collect.recorder import Recorder
from buffer.journal import Journal
clock, folder = system_clock(), Path(sys.argv[1])
with Journal.open(folder / "journal.db", max_bytes=1 << 20) as journal:
    recorder = Recorder(journal, folder / "watermark", longest_pause_s=1.0)
    recorder.begin(clock(), assets=0)
    while not recorder.tick(clock()):
        print("tick", flush=True)
        time.sleep(0.1)
"""


def test_process_that_is_stopped_and_continued_says_for_how_long(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", TICKING, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"tick\n"
        process.send_signal(signal.SIGSTOP)
        time.sleep(2.5)
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=20)
        assert process.returncode == 0
    [away] = [msgspec.json.decode(each.body, type=Silence) for each in records(tmp_path / "journal.db") if each.kind == "silence"]
    assert away.reason == "stopped" and away.lasted_s > 2


def _count(tmp_path: Path) -> int:
    from buffer.view import JournalView

    with JournalView.open(tmp_path / "journal.db") as view:
        return len(view.read(0, max_records=10_000, max_bytes=MIB))


def test_full_journal_gives_up_what_was_folded_first_and_then_the_oldest(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "journal.db", max_bytes=256 * 1024) as journal:
        writer = Recorder(journal, tmp_path / "watermark", floor_bytes=0)
        for number in range(150):
            writer.record([Draft(kind="event", subject="gateway", at=AT, body=b"%d" % number + b"x" * 1000)], [], moment())
        write_watermark(tmp_path / "watermark", journal.id, 40)
        for _ in range(400):
            assert writer.record([Draft(kind="event", subject="gateway", at=AT, body=b"x" * 1000)], [], moment())
        assert writer.waiting == 0
        assert journal.last_seq == 550
        assert _count(tmp_path) > 100


def test_looks_without_news_wait_for_company_and_not_for_ever(tmp_path: Path) -> None:
    journal = ObstinateJournal()
    writer = recorder(journal, tmp_path)
    writer.begin(moment(), assets=1)
    for minute in range(1, 60):
        writer.record([], [state(b"%d" % minute)], moment(60.0 * minute))
        writer.tick(moment(60.0 * minute))
    assert [each.body for each in journal.kept if each.kind == "asset"] == [b"30"]


def test_what_keeps_a_device_from_being_asked_too_often_does_not_wait(tmp_path: Path) -> None:
    journal = ObstinateJournal()
    writer = recorder(journal, tmp_path)
    writer.begin(moment(), assets=1)
    assert writer.record([], [state(b"backing off")], moment(1), at_once=True)
    assert journal.kept[-2].body == b"backing off"


def test_quiet_gateway_gives_a_sign_of_life_once_an_hour(tmp_path: Path) -> None:
    journal = ObstinateJournal()
    writer = recorder(journal, tmp_path)
    writer.begin(moment(), assets=1)
    for minute in range(1, 60 * 24):
        writer.tick(moment(60.0 * minute))
    assert len(journal.kept) == 24


@pytest.mark.parametrize("orderly", [True, False])
def test_next_start_says_since_when_nobody_was_looking(tmp_path: Path, orderly: bool) -> None:
    path = tmp_path / "journal.db"
    with Journal.open(path, max_bytes=MIB) as journal:
        first = Recorder(journal, tmp_path / "watermark", floor_bytes=0)
        assert first.begin(moment(), assets=1)
        if orderly:
            first.close(moment(500))
    with Journal.open(path, max_bytes=MIB) as journal:
        assert (
            Recorder(journal, tmp_path / "watermark").begin(moment(5, at_s=1_800_000_900.0, boot="boot-b"), assets=1) is orderly
        )
    [away] = [msgspec.json.decode(each.body, type=Silence) for each in _records(tmp_path) if each.kind == "silence"]
    assert (away.reason, away.lasted_s) == ("power-off", 400.0 if orderly else 900.0)


@pytest.mark.parametrize("rotten", [b"", b"[]", b'{"\xff": 1}', b"[" * 5000])
def test_sign_of_life_that_cannot_be_read_is_as_good_as_none(tmp_path: Path, rotten: bytes) -> None:
    path = tmp_path / "journal.db"
    with Journal.open(path, max_bytes=MIB) as journal:
        journal.append([], [State(kind="gateway", subject="collect", at=AT, body=rotten)])
        assert Recorder(journal, tmp_path / "watermark", floor_bytes=0).begin(moment(), assets=1)


def test_journal_that_breaks_or_is_taken_away_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"

    def again(broken: str = "") -> Journal:
        return Journal.open(path, max_bytes=MIB, broken=broken)

    with again() as journal:
        writer = Recorder(journal, tmp_path / "watermark", reopen=again, floor_bytes=0)
        writer.record([note(1)], [], moment())
        path.unlink()
        assert writer.record([note(2)], [], moment())
        foreign(path, "CREATE TABLE foreign_one (x)")
        journal_two = [each.body for each in _damaged_or_whole(path)]
        assert journal_two == [b"2"]
        writer.close(moment())
    with again() as journal:
        assert journal.recovered is not None and journal.recovered.lost == 0


def test_clock_that_is_set_at_last_is_confessed_once_with_the_span_that_was_wrong(tmp_path: Path) -> None:
    journal = ObstinateJournal()
    writer = recorder(journal, tmp_path)
    unset = Moment(at_s=0.0, up_s=0.0, boot="boot-a", clock=ClockState.UNSYNC)
    writer.begin(unset, assets=1)
    for up_s in (100, 200, 300, 400, 500, 600, 660):
        writer.tick(moment(up_s) if up_s >= 600 else msgspec.structs.replace(unset, at_s=float(up_s), up_s=float(up_s)))
    [wrong] = [msgspec.json.decode(each.body, type=Silence) for each in journal.written if each.kind == "silence"]
    assert (wrong.reason, wrong.lasted_s, wrong.clock) == ("clock", 600.0, "sync")
    assert wrong.since == moment(0).text


def _damaged_or_whole(path: Path) -> list[Record]:
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT seq, kind, subject, at, body FROM record").fetchall()
    connection.close()
    return [Record(seq=seq, kind=kind, subject=subject, at=at, body=body) for seq, kind, subject, at, body in rows]


def _records(tmp_path: Path) -> list[Record]:
    return _damaged_or_whole(tmp_path / "journal.db")


def test_reader_that_holds_the_journal_for_weeks_costs_memory_within_a_bound_and_publish_is_told(tmp_path: Path) -> None:
    path, backlog = tmp_path / "journal.db", tmp_path / "backlog"
    week_s, looks, news = 7 * 86_400.0, LONGEST_TAIL // 25 + 1, 25
    with Journal.open(path, max_bytes=4 * MIB) as journal:
        journal._store.run("PRAGMA busy_timeout = 1")  # so that the test does not wait a second for each look
        writer = Recorder(journal, tmp_path / "watermark", backlog_file=backlog, longest_pause_s=3 * week_s)
        writer.begin(moment(), assets=1)
        assert read_backlog(backlog) is None
        reader = holder(path, "SHARED")
        for number in range(looks):
            assert not writer.record(
                [note(number * news + each) for each in range(news)], [], moment(2 * week_s * number / looks)
            )
        assert writer.waiting == LONGEST_TAIL
        told = read_backlog(backlog)
        assert told is not None
        assert (told.held, told.given_up) == (LONGEST_TAIL, news)
        assert told.stuck_s > 1.9 * week_s
        reader.close()
        writer.tick(moment(2 * week_s))
        assert (writer.waiting, read_backlog(backlog)) == (0, None)
        confessed = [msgspec.json.decode(each.body, type=Silence) for each in records(path) if each.kind == "silence"]
        assert [each.records for each in confessed if each.reason == "lost"] == [news]


def test_memory_of_an_earlier_run_is_not_told_any_longer(tmp_path: Path) -> None:
    write_backlog(tmp_path / "backlog", Backlog(held=3, given_up=0, stuck_s=9))
    Recorder(ObstinateJournal(), tmp_path / "watermark", backlog_file=tmp_path / "backlog").begin(moment(), assets=1)
    assert read_backlog(tmp_path / "backlog") is None


def test_backlog_is_written_once_a_minute_and_a_disk_that_does_not_take_it_changes_nothing(tmp_path: Path) -> None:
    journal = ObstinateJournal(*[SpoolBusyError("held")] * 4)
    writer = Recorder(journal, tmp_path / "watermark", backlog_file=tmp_path / "backlog")
    held = []
    for up_s in (0.0, 30.0, 61.0):
        writer.record([note(1)], [], moment(up_s))
        held.append(read_backlog(tmp_path / "backlog"))
    assert held == [
        Backlog(held=1, given_up=0, stuck_s=0),
        Backlog(held=1, given_up=0, stuck_s=0),
        Backlog(held=3, given_up=0, stuck_s=61),
    ]
    lost = Recorder(journal, tmp_path / "watermark", backlog_file=tmp_path / "nowhere" / "backlog")
    assert not lost.record([note(1)], [], moment())
    assert lost.record([note(2)], [], moment())


def test_journal_that_vanished_whole_is_confessed(tmp_path: Path) -> None:
    write_watermark(tmp_path / "watermark", "f" * 32, 7)
    with Journal.open(tmp_path / "journal.db", max_bytes=MIB) as journal:
        Recorder(journal, tmp_path / "watermark").begin(moment(), assets=1)
    first = records(tmp_path / "journal.db")[0]
    silence = msgspec.json.decode(first.body, type=Silence)
    assert (silence.reason, silence.records) == ("lost", 0)
    assert "nobody knows how many" in silence.detail
