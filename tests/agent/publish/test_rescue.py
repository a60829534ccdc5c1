"""A damaged outbox: what verifies is saved, what is missing is confessed, and the chain begins anew with a reason."""

import sqlite3
from pathlib import Path

import pytest

from agent.keys.ring import prepare, take_over
from agent.publish.handover import hand_over
from agent.publish.rescue import PATIENCE
from agent.publish.signers import expected, former
from agent.publish.spool import Spool
from buffer.errors import SpoolFullError
from buffer.outbox import Outbox
from evidence import kinds
from tests.faults.gateway import CAP, Place, Receiver, all_stored, deliver, drain, moment, rot, write


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.mark.parametrize("page", [0, 1, 5, 20, 40])
def test_damaged_outbox_is_rescued_gaps_confessed_and_a_new_chain_begun(place: Place, page: int) -> None:
    receiver, author = Receiver(), place.author
    write(place, 0, 60)
    with place.spool(author) as spool:
        spool.fold(moment())
        end = spool.chain
    content = bytearray(place.outbox.read_bytes())
    content[1024 * page + 8 : 1024 * (page + 1)] = bytes(1016)
    place.outbox.write_bytes(content)
    with place.spool(author, epoch_number=2) as spool:
        for _ in range(5):
            spool.fold(moment())
        write(place, 60, 1)
        drain(spool, receiver)
    assert 60 in receiver.seen
    if page == 0:
        assert [start.reason for start in receiver.starts] == ["damaged"]
        return
    if [start.reason for start in receiver.starts] == ["first-boot", "damaged"] and receiver.starts[1].previous is not None:
        assert receiver.starts[1].previous.epoch == end.epoch
        assert 61 - len(receiver.seen) <= receiver.missing


def test_rescue_that_is_interrupted_goes_on_where_it_was(place: Place) -> None:
    receiver, author = Receiver(), place.author
    place.outbox_cap = 8 * CAP
    write(place, 0, 700)
    with place.spool(author) as spool:
        while spool.fold(moment()):
            pass
    rot(place.outbox, 100, 101, 600)
    spoil_the_layout(place.outbox)
    for _ in range(8):
        with place.spool(author, epoch_number=2) as spool:
            spool.fold(moment())
    with place.spool(author, epoch_number=3) as spool:
        drain(spool, receiver)
    assert receiver.missing == 3
    assert receiver.seen == set(range(700))
    assert [start.reason for start in receiver.starts] == ["first-boot", "damaged"]
    previous = receiver.starts[1].previous
    assert previous is not None and previous.seq == 702


def test_outbox_without_an_end_of_its_chain_gives_what_can_be_proven_and_says_what_cannot(place: Place) -> None:
    receiver, author = Receiver(), place.author
    write(place, 0, 20)
    with place.spool(author) as spool:
        spool.fold(moment())
        end = spool.chain
    rot(place.outbox, 11)
    connection = sqlite3.connect(place.outbox, isolation_level=None)
    connection.execute("UPDATE note SET crc = 1 WHERE name = 'chain'")
    connection.close()
    with place.spool(author, epoch_number=2) as spool:
        drain(spool, receiver)
        drain(spool, receiver)
        told = [kinds.decode_body(claims) for claims in _claims(spool)]
    assert receiver.seen == set(range(20))  # the journal still had them
    previous = receiver.starts[1].previous  # from the file beside the outbox: how many there were, and the last one's hash
    assert previous is not None and (previous.epoch, previous.seq, previous.head) == (end.epoch, end.seq, end.head)
    assert told == []


def _claims(spool: Spool) -> list:
    from agent.publish.stated import claims_of

    return [claims_of(parcel) for parcel in all_stored(spool)]


def rotated(place: Place) -> list[str]:
    """Hand the chain over, with records of both keys waiting; return both keys, the older one first."""
    write(place, 0, 10)
    first, heir = place.author, prepare(place.directory / "report.key")
    with place.spool(first) as spool:
        spool.fold(moment())
        after = hand_over(spool, first, heir, moment())
        take_over(place.directory / "report.key", first.signer.kid)
        write(place, 10, 10)
        spool.fold(moment())
    return [first.signer.kid, after.signer.kid]


def test_what_an_older_key_signed_is_saved_from_a_damaged_outbox(place: Place) -> None:
    old, new = rotated(place)
    rot(place.outbox, 3)
    spoil_the_layout(place.outbox)
    receiver = Receiver()
    with place.spool(place.author, epoch_number=2) as spool:
        while spool.fold(moment()):
            pass
        assert [key.kid for key in former(spool.outbox.notes())] == [old]
        assert spool.outbox.notes()["key"] == new.encode()
        drain(spool, receiver)
    assert receiver.seen == set(range(20)) and receiver.missing == 1
    assert receiver.starts[1].previous is not None


def test_a_damaged_outbox_still_tells_which_key_its_chain_goes_on_with(place: Place) -> None:
    _old, new = rotated(place)
    spoil_the_layout(place.outbox)
    with Outbox.open(place.outbox, max_bytes=place.outbox_cap) as outbox:
        assert outbox.damaged and expected(outbox) == new


def test_rescue_without_room_waits_for_delivery_and_then_lets_the_oldest_go_and_ends(place: Place) -> None:
    receiver, author, refused = Receiver(), place.author, 0
    damage_a_larger_one(place)
    with place.spool(author, epoch_number=2) as spool:
        while spool.outbox.damaged:
            try:
                spool.fold(moment())
            except SpoolFullError:
                refused += 1
        deliver(spool, receiver)
        receipt = receiver.receipt()
        assert receipt is not None
        spool.settle(receipt)
        drain(spool, receiver)
    assert refused == PATIENCE
    assert receiver.named == 0  # the chain could be signed for to its end, so the oldest went and not the newest
    assert 0 < receiver.missing < 300
    assert receiver.seen == set(range(300))  # the journal still had them


def test_rescue_waits_as_long_as_delivery_makes_room(place: Place) -> None:
    receiver, author = Receiver(), place.author
    damage_a_larger_one(place)
    with place.spool(author, epoch_number=2) as spool:
        while spool.outbox.damaged:
            try:
                spool.fold(moment())
            except SpoolFullError:
                deliver(spool, receiver)
                receipt = receiver.receipt()
                assert receipt is not None
                spool.settle(receipt)
        drain(spool, receiver)
    assert receiver.seen == set(range(300)) and receiver.missing == 0


def damage_a_larger_one(place: Place) -> None:
    """Fill an outbox with more than the next one may hold, and damage it."""
    write(place, 0, 300, 300)
    with place.spool(place.author) as spool:
        while spool.fold(moment()):
            pass
    spoil_the_layout(place.outbox)
    place.outbox_cap = 96 * 1024


def spoil_the_layout(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE foreign_one (x)")
    connection.close()
