"""Journal to outbox: everything once, in order, over restarts; and nothing goes before a receipt that proves itself."""

from pathlib import Path

import msgspec
import pytest

from agent.core.observation import Event
from agent.publish.fold import Author
from agent.publish.manifest import FIRST_AFTER_S
from agent.publish.spool import Spool
from buffer.journal import Journal
from buffer.outbox import Outbox, Stored
from buffer.record import Draft, State
from buffer.watermark import Watermark, read_watermark, write_watermark
from evidence import kinds
from evidence.envelope import Receipt, Stream, hash_text
from tests.agent.core.looks import look, moment
from tests.agent.publish.chains import AUDIENCE, EPOCH, ISSUER, author, body
from tests.buffer.samples import foreign

MIB = 1024 * 1024


@pytest.fixture
def writer(tmp_path: Path) -> Author:
    return author(tmp_path)


def open_spool(tmp_path: Path, writer: Author, *, epoch: str = EPOCH) -> Spool:
    begin = kinds.ChainStart(
        reason=kinds.StartReason.FIRST_BOOT,
        plant="werk-ulm",
        gateway="gw-halle3",
        agent_version="0",
        previous=None,
        at=moment().text,
    )
    outbox = Outbox.open(tmp_path / "outbox.db", max_bytes=MIB)
    return Spool(outbox, tmp_path / "journal.db", tmp_path / "watermark", author=writer, begin=begin, epoch=epoch, now=moment())


def write(tmp_path: Path, *names: str) -> str:
    drafts = [
        Draft(
            kind="event",
            subject="gateway",
            at=moment().text,
            body=msgspec.json.encode(Event(name=name, at=moment().text, moment=moment())),
        )
        for name in names
    ]
    with Journal.open(tmp_path / "journal.db", max_bytes=MIB) as journal:
        journal.append(drafts)
        return journal.id


def stored(spool: Spool) -> list[Stored]:
    return [parcel for parcel in spool.outbox.pending(0, limit=1000) if isinstance(parcel, Stored)]


def names(spool: Spool, writer: Author) -> list[str]:
    bodies = [body(parcel, writer.signer) for parcel in stored(spool)]
    return [each.name if isinstance(each, kinds.Event) else kinds.type_name(each) for each in bodies]


def test_records_are_folded_once_and_in_order(tmp_path: Path, writer: Author) -> None:
    spool = open_spool(tmp_path, writer)
    write(tmp_path, "one", "two")
    assert (spool.fold(moment()), spool.fold(moment())) == (2, 0)
    write(tmp_path, "three")
    assert spool.fold(moment()) == 1
    assert names(spool, writer) == ["chain.start/1", "one", "two", "three"]
    assert [parcel.seq for parcel in stored(spool)] == [0, 1, 2, 3]


def test_restart_goes_on_with_the_chain_where_it_ended(tmp_path: Path, writer: Author) -> None:
    write(tmp_path, "one")
    with open_spool(tmp_path, writer).outbox as _:
        pass
    spool = open_spool(tmp_path, writer, epoch="ffffffff-0000-7000-8000-000000000001")
    spool.fold(moment())
    assert names(spool, writer) == ["chain.start/1", "one"]
    assert {parcel.epoch for parcel in stored(spool)} == {EPOCH}


def test_collect_is_told_how_far_it_may_trim(tmp_path: Path, writer: Author) -> None:
    spool = open_spool(tmp_path, writer)
    journal_id = write(tmp_path, "one", "two")
    spool.fold(moment())
    mark = read_watermark(tmp_path / "watermark")
    assert mark is not None and (mark.journal_id, mark.seq) == (journal_id, 2)


def test_word_to_collect_that_cannot_be_written_is_said_once_and_costs_nothing(
    tmp_path: Path, writer: Author, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "watermark").mkdir()
    spool = open_spool(tmp_path, writer)
    write(tmp_path, "one")
    assert spool.fold(moment()) == 1
    write(tmp_path, "two")
    assert (spool.fold(moment()), spool.fold(moment())) == (1, 0)
    assert caplog.text.count("watermark.unwritten") == 1
    (tmp_path / "watermark").rmdir()
    journal_id = write(tmp_path, "three")
    assert spool.fold(moment()) == 1
    mark = read_watermark(tmp_path / "watermark")
    assert mark is not None and (mark.journal_id, mark.seq) == (journal_id, 3)


def test_new_journal_is_read_from_its_beginning_and_said_to_be_new(tmp_path: Path, writer: Author) -> None:
    spool = open_spool(tmp_path, writer)
    write(tmp_path, "one", "two")
    spool.fold(moment())
    (tmp_path / "journal.db").unlink()
    write(tmp_path, "three")
    spool.fold(moment())
    assert names(spool, writer)[3:] == ["journal.replaced", "three"]


def test_missing_or_broken_journal_is_waited_for(tmp_path: Path, writer: Author) -> None:
    spool = open_spool(tmp_path, writer)
    assert spool.fold(moment()) == 0
    (tmp_path / "journal.db").write_bytes(b"not a database, not at all" * 400)
    assert spool.fold(moment()) == 0
    (tmp_path / "journal.db").unlink()
    write(tmp_path, "one")
    assert spool.fold(moment()) == 1


def test_manifest_is_folded_when_it_is_due(tmp_path: Path, writer: Author) -> None:
    from agent.core.asset import after_look

    spool = open_spool(tmp_path, writer)
    state = State(kind="asset", subject="press-07", at=moment().text, body=msgspec.json.encode(after_look(None, look())))
    with Journal.open(tmp_path / "journal.db", max_bytes=MIB) as journal:
        journal.append([], [state])
    assert spool.fold(moment(1)) == 0
    assert spool.fold(moment(FIRST_AFTER_S)) == 2
    assert spool.fold(moment(FIRST_AFTER_S + 1)) == 0
    assert names(spool, writer) == ["chain.start/1", "inventory/1", "ledger/1"]


def receipt(spool: Spool, upto: int, *, head: str | None = None, epoch: str = EPOCH) -> Receipt:
    known = {parcel.seq: hash_text(parcel.digest) for parcel in stored(spool)}
    return Receipt(v=1, iss=AUDIENCE, aud=ISSUER, stream=Stream.EVIDENCE, epoch=epoch, upto=upto, head=head or known[upto], iat=1)


def test_receipt_lets_go_of_what_the_receiver_holds(tmp_path: Path, writer: Author) -> None:
    spool = open_spool(tmp_path, writer)
    write(tmp_path, "one", "two")
    spool.fold(moment())
    assert spool.settle(receipt(spool, 1)) == 2
    assert names(spool, writer) == ["two"]


def test_receipt_with_another_hash_lets_go_of_nothing(tmp_path: Path, writer: Author) -> None:
    spool = open_spool(tmp_path, writer)
    assert spool.settle(receipt(spool, 0, head="A" * 43)) == 0
    assert spool.settle(receipt(spool, 0, head="A" * 43, epoch="ffffffff-0000-7000-8000-000000000001")) == 0
    assert names(spool, writer) == ["chain.start/1"]


def test_receipt_for_what_was_settled_before_changes_nothing(tmp_path: Path, writer: Author) -> None:
    spool = open_spool(tmp_path, writer)
    settled = receipt(spool, 0)
    assert (spool.settle(settled), spool.settle(settled)) == (1, 0)


def test_watermark_that_was_lost_is_put_back_at_the_start_and_one_that_is_ahead_is_left(tmp_path: Path, writer: Author) -> None:
    write(tmp_path, "one", "two")
    spool = open_spool(tmp_path, writer)
    spool.fold(moment())
    spool.outbox.close()
    told = read_watermark(tmp_path / "watermark")
    assert told is not None and told.seq == 2
    (tmp_path / "watermark").unlink()
    open_spool(tmp_path, writer).outbox.close()
    assert read_watermark(tmp_path / "watermark") == told
    write_watermark(tmp_path / "watermark", told.journal_id, 9)  # of an outbox that went back in time
    open_spool(tmp_path, writer).outbox.close()
    assert read_watermark(tmp_path / "watermark") == Watermark(journal_id=told.journal_id, seq=9)


def test_sessions_are_counted_over_restarts(tmp_path: Path, writer: Author) -> None:
    spool = open_spool(tmp_path, writer)
    assert (spool.next_session(moment()), spool.next_session(moment())) == (1, 2)
    spool.outbox.close()
    assert open_spool(tmp_path, writer).next_session(moment()) == 3


def test_journal_of_a_later_version_is_left_alone_and_stops_nothing(tmp_path: Path, writer: Author) -> None:
    write(tmp_path, "one")
    foreign(tmp_path / "journal.db", "ALTER TABLE state ADD COLUMN clock TEXT", "PRAGMA user_version = 99")
    spool = open_spool(tmp_path, writer)
    assert (spool.fold(moment()), spool.fold(moment())) == (0, 0)
    assert spool.settle(receipt(spool, 0)) == 1


def test_records_that_were_gone_before_the_very_first_fold_are_confessed(tmp_path: Path, writer: Author) -> None:
    write(tmp_path, *(f"n{number}" for number in range(40)))
    with Journal.open(tmp_path / "journal.db", max_bytes=MIB) as journal:
        shed = journal.shed()
    spool = open_spool(tmp_path, writer)
    spool.fold(moment())
    lost = [each for parcel in stored(spool) if isinstance(each := body(parcel, writer.signer), kinds.Silence)]
    assert [silence.records for silence in lost] == [shed]


def test_records_that_a_vanished_outbox_had_folded_are_not_taken_for_lost_by_collect(tmp_path: Path, writer: Author) -> None:
    spool = open_spool(tmp_path, writer)
    write(tmp_path, "one", "two")
    spool.fold(moment())
    spool.outbox.close()
    (tmp_path / "outbox.db").unlink()
    with Journal.open(tmp_path / "journal.db", max_bytes=MIB) as journal:
        journal.trim(2)
    write(tmp_path, "three")
    spool = open_spool(tmp_path, writer, epoch="ffffffff-0000-7000-8000-000000000001")
    spool.fold(moment())
    assert names(spool, writer) == ["chain.start/1", "three"]
    start = body(stored(spool)[0], writer.signer)
    assert isinstance(start, kinds.ChainStart)
    assert start.previous is not None
    assert (start.reason, start.previous.epoch, start.previous.seq) == ("damaged", EPOCH, 2)


@pytest.mark.parametrize("later_chain", [False, True])
def test_outbox_that_was_put_back_from_a_copy_begins_a_new_chain_and_uses_no_place_twice(
    tmp_path: Path, writer: Author, later_chain: bool
) -> None:
    outbox, second, third = tmp_path / "outbox.db", "f" * 8 + EPOCH[8:], "e" * 8 + EPOCH[8:]
    open_spool(tmp_path, writer).outbox.close()
    copy = outbox.read_bytes()
    write(tmp_path, "one")
    spool = open_spool(tmp_path, writer)
    spool.fold(moment())
    spool.outbox.close()
    if later_chain:
        outbox.unlink()
        open_spool(tmp_path, writer, epoch=second).outbox.close()
    outbox.write_bytes(copy)
    spool = open_spool(tmp_path, writer, epoch=third)
    start = body(stored(spool)[-1], writer.signer)
    assert isinstance(start, kinds.ChainStart)
    assert start.previous is not None
    assert (start.reason, spool.chain.epoch, spool.chain.seq) == ("restore", third, 0)
    assert (start.previous.epoch, start.previous.seq) == ((second, 0) if later_chain else (EPOCH, 1))


def test_kill_between_an_envelope_and_the_word_how_far_the_chain_reached_changes_nothing(tmp_path: Path, writer: Author) -> None:
    spool = open_spool(tmp_path, writer)
    before = (tmp_path / "outbox.db.end").read_bytes()
    write(tmp_path, "one")
    spool.fold(moment())
    spool.outbox.close()
    after = (tmp_path / "outbox.db.end").read_bytes()
    (tmp_path / "outbox.db.end").write_bytes(before)
    assert open_spool(tmp_path, writer).chain == spool.chain
    assert (tmp_path / "outbox.db.end").read_bytes() == after


def test_word_of_how_far_the_chain_reached_that_cannot_be_written_stops_nothing(tmp_path: Path, writer: Author) -> None:
    (tmp_path / "outbox.db.end").mkdir()
    spool = open_spool(tmp_path, writer)
    write(tmp_path, "one")
    assert spool.fold(moment()) == 1
    spool.outbox.close()
    assert open_spool(tmp_path, writer).chain == spool.chain


def test_former_chain_is_let_go_of_once_the_receiver_has_gone_on_also_after_a_restart(tmp_path: Path, writer: Author) -> None:
    open_spool(tmp_path, writer).outbox.close()
    copy = (tmp_path / "outbox.db").read_bytes()
    write(tmp_path, "one")
    spool = open_spool(tmp_path, writer)
    spool.fold(moment())
    spool.outbox.close()
    (tmp_path / "outbox.db").write_bytes(copy)
    epoch = "ffffffff-0000-7000-8000-000000000001"
    spool = open_spool(tmp_path, writer, epoch=epoch)
    head = hash_text(stored(spool)[-1].digest)
    spool.settle(receipt(spool, 0, epoch=epoch, head=head))
    spool.outbox.close()
    spool = open_spool(tmp_path, writer)
    spool.fold(moment())
    assert {parcel.epoch for parcel in stored(spool)} == {epoch}
    assert "records.unprovable" in names(spool, writer)
