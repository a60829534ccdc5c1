"""The daily manifest on its way into the outbox: it never holds back a record, and never holds more than its share."""

import logging
from pathlib import Path

import msgspec
import pytest

from agent.core.asset import after_look
from agent.publish.daily import AGAIN_AFTER_S, KINDS, LARGEST_SHARE
from agent.publish.manifest import FIRST_AFTER_S
from agent.publish.spool import Spool
from buffer.record import State
from evidence import kinds
from tests.agent.core.looks import look
from tests.faults.gateway import CAP, Place, Receiver, all_stored, claims_of, deliver, drain, moment, write

ASSETS = 600


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A plant that is too large for its outbox: the whole manifest is three times as large."""
    place = Place(tmp_path, journal_cap=8 * CAP, outbox_cap=300 * 1024)
    body = msgspec.json.encode(after_look(None, look()))
    with place.open_journal() as journal:
        for first in range(0, ASSETS, 200):
            names = [f"asset-{number:05}-{'x' * 60}" for number in range(first, first + 200)]
            journal.append([], [State(kind="asset", subject=name, at=moment().text, body=body) for name in names])
    write(place, 0, 1)
    return place


def parts(spool: Spool) -> list[int]:
    bodies = [kinds.decode_body(claims_of(parcel)) for parcel in all_stored(spool)]
    return [body.part for body in bodies if isinstance(body, kinds.Inventory)]


def test_manifest_that_does_not_fit_holds_back_no_record_and_is_said_to_wait_once(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with place.spool(place.author) as spool:
        spool.fold(moment())
        for step in range(1, 6):
            write(place, step, 1)
            assert spool.fold(moment(FIRST_AFTER_S + step * AGAIN_AFTER_S)) >= 1
        held = sum(len(parcel.token) for parcel in all_stored(spool) if parcel.kind in KINDS)
        assert place.outbox_cap // LARGEST_SHARE < held < place.outbox_cap // LARGEST_SHARE * 2
        write(place, 6, 40, 100)
        while spool.fold(moment(FIRST_AFTER_S + 330)):
            pass
        assert [parcel.kind for parcel in all_stored(spool)].count("event/1") == 46
    assert sum("manifest.waiting" in message for message in caplog.messages) == 1


def test_manifest_goes_on_where_it_was_as_parts_are_receipted_also_after_a_restart(place: Place) -> None:
    receiver, author, told, now = Receiver(), place.author, list[int](), FIRST_AFTER_S
    for _ in range(12):
        with place.spool(author) as spool:
            for _ in range(3):
                now += AGAIN_AFTER_S
                spool.fold(moment(now))
                told += parts(spool)
                deliver(spool, receiver)
                receipt = receiver.receipt()
                assert receipt is not None
                spool.settle(receipt)
    assert told == list(range(1, max(told) + 1))
    assert receiver.missing == 0
    with place.spool(author) as spool:
        drain(spool, receiver, moment(now + 1))
        assert parts(spool) == []


def test_manifest_of_a_plant_without_a_state_is_not_told(tmp_path: Path) -> None:
    place = Place(tmp_path)
    write(place, 0, 1)
    with place.spool(place.author) as spool:
        assert spool.fold(moment(FIRST_AFTER_S)) == 1
        assert parts(spool) == []
