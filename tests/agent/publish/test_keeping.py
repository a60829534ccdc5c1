"""The chain as the outbox holds it: full, rotten, refused; and every place that is missing is in a signed gap."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.keys.ring import prepare
from agent.publish.handover import hand_over
from agent.publish.spool import Spool
from buffer.errors import SpoolDamagedError, SpoolFullError
from evidence import kinds
from evidence.kinds import GapReason
from tests.faults.gateway import Place, Receiver, all_stored, claims_of, deliver, drain, epoch, moment, numbered, rot, write

THE_WHOLE_VOLUME = 2**60


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_everything_arrives_once_and_is_settled(place: Place) -> None:
    receiver = Receiver()
    write(place, 0, 50)
    with place.spool(place.author) as spool:
        drain(spool, receiver)
    assert receiver.seen == set(range(50)) and receiver.repeated == 0


@pytest.mark.parametrize("rotten", [[2], [2, 3, 4], [12], [2, 5, 12], list(range(2, 13))])
def test_rotten_envelopes_are_confessed_and_the_chain_goes_on(place: Place, rotten: list[int]) -> None:
    receiver, author = Receiver(), place.author
    write(place, 0, 11)
    with place.spool(author) as spool:
        spool.fold(moment())
    rot(place.outbox, *rotten)
    with place.spool(author) as spool:
        drain(spool, receiver)
    assert receiver.missing == len(rotten)
    assert receiver.seen == {position - 2 for position in range(2, 13) if position not in rotten}


def test_full_outbox_gives_up_the_oldest_keeps_the_newest_of_each_subject_and_goes_on(place: Place) -> None:
    receiver, author = Receiver(), place.author
    place.outbox_cap = 256 * 1024
    with place.spool(author) as spool, place.recorder() as recorder:
        for number in range(1000):
            recorder.record([numbered(number, "rare" if number == 3 else f"a{number % 5}", 300)], [], moment())
            if number % 20 == 19:
                spool.fold(moment())
                assert place.outbox.stat().st_size <= place.outbox_cap
        waiting = all_stored(spool)
        assert "chain.start/1" in {parcel.kind for parcel in waiting}
        assert sum(parcel.kind == "gap/1" for parcel in waiting) <= 8
        drain(spool, receiver)
    assert 3 in receiver.seen and set(range(900, 1000)) <= receiver.seen
    assert 0 < 1000 - len(receiver.seen) <= receiver.missing


def test_receiver_that_already_held_some_of_what_was_given_up_is_not_confused(place: Place) -> None:
    receiver, author = Receiver(), place.author
    place.outbox_cap = 256 * 1024
    with place.spool(author) as spool, place.recorder() as recorder:
        for number in range(600):
            recorder.record([numbered(number, f"a{number % 5}", 300)], [], moment())
            if number % 20 == 19:
                while spool.fold(moment()):
                    pass
            if number == 60:
                deliver(spool, receiver)  # delivered, and no receipt came back
        drain(spool, receiver)
    assert set(range(60)) <= receiver.seen


def test_a_batch_that_can_never_fit_is_folded_in_smaller_ones(place: Place) -> None:
    receiver, author = Receiver(), place.author
    place.outbox_cap = 96 * 1024
    write(place, 0, 90, 1000)
    with place.spool(author) as spool:
        for _ in range(200):
            spool.fold(moment())
        drain(spool, receiver)
    assert 89 in receiver.seen


def test_a_batch_is_folded_in_smaller_ones_where_others_have_filled_the_volume(place: Place) -> None:
    receiver, author, refused = Receiver(), place.author, 0
    write(place, 0, 90, 700)
    with place.spool(author) as spool:
        spool.outbox.respect(THE_WHOLE_VOLUME)
        spool._floor_at = moment()  # nothing becomes free
        for _ in range(60):
            try:
                spool.fold(moment())
            except SpoolFullError:
                refused += 1
        drain(spool, receiver)
    assert 0 < refused < 30
    assert 89 in receiver.seen and 90 - len(receiver.seen) <= receiver.missing


def test_records_that_were_shed_from_the_journal_are_counted(place: Place) -> None:
    receiver, author = Receiver(), place.author
    place.journal_cap = 128 * 1024
    write(place, 0, 20)
    with place.spool(author) as spool:
        drain(spool, receiver)
        with place.recorder() as recorder:
            for number in range(20, 1000):
                assert recorder.record([numbered(number, f"a{number % 5}", 300)], [], moment())
                assert place.journal.stat().st_size <= place.journal_cap
        drain(spool, receiver)
    assert 999 in receiver.seen
    assert receiver.lost == 1000 - len(receiver.seen) > 0


def test_nothing_is_ever_over_its_cap_whatever_is_done(place: Place) -> None:
    chance, receiver, author = random.Random(5), Receiver(), place.author
    place.journal_cap, place.outbox_cap = 128 * 1024, 192 * 1024
    number = 0
    with place.spool(author) as spool, place.recorder() as recorder:
        for _ in range(400):
            for _ in range(chance.randrange(8)):
                recorder.record([numbered(number, f"a{chance.randrange(30)}", chance.randrange(1000))], [], moment())
                number += 1
            if chance.random() < 0.5:
                spool.fold(moment())
            if chance.random() < 0.05:
                deliver(spool, receiver, limit=chance.randrange(50))
                if (receipt := receiver.receipt()) is not None:
                    spool.settle(receipt)
            assert place.journal.stat().st_size <= place.journal_cap
            assert place.outbox.stat().st_size <= place.outbox_cap
        recorder.tick(moment(4000))
        drain(spool, receiver)
        assert recorder.waiting == 0
        assert receiver.head is not None and receiver.head.seq == spool.chain.seq
    assert number - len(receiver.seen) <= receiver.missing + receiver.lost


def test_chain_whose_start_rotted_before_anybody_saw_it_is_begun_anew(place: Place) -> None:
    receiver, author = Receiver(), place.author
    write(place, 0, 5)
    with place.spool(author) as spool:
        spool.fold(moment())
    rot(place.outbox, 1)
    with place.spool(author) as spool, pytest.raises(SpoolDamagedError, match="start of the chain") as damage:
        drain(spool, receiver)
    with place.spool(author, epoch_number=2, broken=str(damage.value)) as spool:
        drain(spool, receiver)
    assert receiver.seen == set(range(5))
    assert [start.reason for start in receiver.starts] == ["damaged"]


# No room at a bad moment. Each of these needs a page or two, in an outbox that may not grow by a single one.


def _give_up(spool: Spool, place: Place, receiver: Receiver) -> None:
    assert spool.give_up(all_stored(spool)[5], GapReason.QUARANTINE, moment())


def _mend(spool: Spool, place: Place, receiver: Receiver) -> None:
    spool.mend([all_stored(spool)[5].position], moment())


def _again(spool: Spool, place: Place, receiver: Receiver) -> None:
    _settle(spool, place, receiver)
    _fill(place, spool)
    assert spool.again(epoch(1), 2, moment()) is not None


def _count_sessions(spool: Spool, place: Place, receiver: Receiver) -> None:
    assert [spool.next_session(moment()) for _ in range(1001)][-1] == 1001


def _hand_over(spool: Spool, place: Place, receiver: Receiver) -> None:
    author, heir = place.author, prepare(place.directory / "report.key")
    assert hand_over(spool, author, heir, moment()).signer is heir


def _fold(spool: Spool, place: Place, receiver: Receiver) -> None:
    write(place, 5000, 3, 700)
    assert spool.fold(moment())


def _settle(spool: Spool, place: Place, receiver: Receiver) -> None:
    deliver(spool, receiver, limit=3)
    receipt = receiver.receipt()
    assert receipt is not None
    assert spool.settle(receipt) == 3


OPERATIONS: dict[str, Callable[[Spool, Place, Receiver], None]] = {
    "give up": _give_up,
    "mend": _mend,
    "again": _again,
    "sessions": _count_sessions,
    "hand over": _hand_over,
    "fold": _fold,
    "settle": _settle,
}


def _fill(place: Place, spool: Spool) -> None:
    """Let the outbox have no free page, and no leave to grow."""
    number, size = 1000, spool.outbox.depth().used_bytes
    spool.outbox.respect(THE_WHOLE_VOLUME)
    while spool.outbox.depth().count and spool.outbox.depth().used_bytes < size and number < 1100:
        write(place, number, 1)
        spool.fold(moment())
        number += 1


@pytest.mark.parametrize("padding", [0, 130, 260, 390, 520])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_nothing_that_has_to_be_done_waits_for_room_in_a_full_outbox(place: Place, operation: str, padding: int) -> None:
    receiver, author = Receiver(), place.author
    write(place, 0, 90, padding)
    with place.spool(author) as spool:
        while spool.fold(moment()):
            pass
        _fill(place, spool)
        OPERATIONS[operation](spool, place, receiver)
        spool.outbox.respect(0)
        deliver(spool, receiver)
        assert receiver.head is not None and receiver.head.seq == spool.chain.seq
        kept = {claims_of(parcel).seq for parcel in all_stored(spool)} | {seq for _epoch, seq in receiver.known}
        assert receiver.missing == spool.chain.seq + 1 - len(kept)


@pytest.mark.parametrize("slack", range(0, 2600, 200))
def test_full_outbox_that_went_back_in_time_begins_another_chain_and_names_what_went_for_it(place: Place, slack: int) -> None:
    receiver, author, number = Receiver(), place.author, 0
    place.outbox_cap = 128 * 1024
    with place.recorder() as recorder, place.spool(author) as spool:
        while spool.outbox.depth().used_bytes < place.outbox_cap - slack and number < 200:
            recorder.record([numbered(number, f"a{number % 5}", number * 37 % 300)], [], moment())
            spool.fold(moment())
            number += 1
    copy = place.outbox.read_bytes()
    write(place, number, 3, 100)
    with place.spool(author) as spool:
        spool.fold(moment())
    place.outbox.write_bytes(copy)
    with place.spool(author, epoch_number=2) as spool:
        told = [kinds.decode_body(claims_of(parcel)) for parcel in all_stored(spool) if parcel.epoch == epoch(2)]
        assert isinstance(told[0], kinds.ChainStart)
        deliver(spool, receiver)  # what fills the outbox now is not of a chain that could be shortened with a gap
        receipt = receiver.receipt()
        assert receipt is not None
        spool.settle(receipt)
        drain(spool, receiver)
    assert receiver.starts[1].previous is not None and receiver.starts[1].previous.epoch == epoch(1)
    assert number + 3 - len(receiver.seen) <= receiver.missing + receiver.named
    assert set(range(number, number + 3)) <= receiver.seen  # folded again
