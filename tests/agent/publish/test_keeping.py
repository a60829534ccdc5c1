"""The chain as the outbox holds it: full, rotten, refused; and every place that is missing is in a signed gap."""

import random
from pathlib import Path

import pytest

from buffer.errors import SpoolDamagedError
from tests.faults.gateway import Place, Receiver, all_stored, deliver, drain, moment, numbered, rot, write


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
