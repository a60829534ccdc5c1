"""The receiver's disk is lost: a real gateway, a real broker and a fresh receiver find together again, and say what is missing."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.clock import system_clock
from evidence.keys import public_from_jwk
from evidence.trust import Registry, save_trust
from isms.inventory import Books
from isms.state import State
from isms.verify import Auditor, Verification
from tests.brokers import Mosquitto, mosquitto
from tests.faults.gateway import ISSUER, Place, moment, numbered
from tests.faults.outage import publishing
from tests.isms.line import ReceiverProcess

pytestmark = pytest.mark.mosquitto


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path / "broker") as running:
        yield running


def receiver(directory: Path, broker: Mosquitto, place: Place) -> ReceiverProcess:
    state = State(directory)
    state.create_key()
    save_trust(state.trust, Registry().with_key(public_from_jwk(place.author.signer.public_jwk), ISSUER))
    return ReceiverProcess(state, broker)


def delivered(place: Place, into: ReceiverProcess, numbers: range) -> None:
    """Write records down, and deliver them until each has its receipt."""

    async def deliver() -> None:
        with place.recorder() as recorder, place.spool(place.author, now=system_clock()()) as spool:
            assert recorder.record([numbered(number) for number in numbers], [], moment())
            while spool.fold(system_clock()()):
                pass
            async with (
                publishing(spool, place, into.broker, public_from_jwk(into.state.load_key().public_jwk)),
                asyncio.timeout(30),
            ):
                while spool.outbox.depth().count:
                    await asyncio.sleep(0.05)

    into.start()
    try:
        asyncio.run(deliver())
    finally:
        assert into.stop() == 0, into.log


def audited(place: Place, *books: Path) -> Verification:
    auditor = Auditor(Registry().with_key(public_from_jwk(place.author.signer.public_jwk), ISSUER))
    for path in books:
        with Books.open(path, read_only=True) as opened:
            for number, token, at in opened.tokens():
                auditor.take(token, f"{path.name}#{number}", at)
    return auditor.report()


def test_a_fresh_receiver_takes_up_the_chain_and_an_auditor_joins_both_books(tmp_path: Path, broker: Mosquitto) -> None:
    place = Place(tmp_path / "gateway")
    place.directory.mkdir()
    central = receiver(tmp_path / "isms", broker, place)
    delivered(place, central, range(30))
    lost = central.state.database.rename(tmp_path / "lost.db")
    delivered(place, central, range(30, 40))

    found = central.gateway()
    assert (found["state"], found["records"], found["gaps"], found["hole"]) == ("sound", 11, 1, None)
    assert "taken up after record 30" in found["review"][0]
    [alone] = audited(place, central.state.database).chains
    assert (alone.missing, alone.gaps, len(alone.findings)) == (0, 31, 1)
    assert "examine both together" in alone.findings[0]
    assert audited(place, lost, central.state.database).all_good


def test_books_from_a_backup_go_on_over_what_the_gateway_let_go_of(tmp_path: Path, broker: Mosquitto) -> None:
    place = Place(tmp_path / "gateway")
    place.directory.mkdir()
    central = receiver(tmp_path / "isms", broker, place)
    delivered(place, central, range(10))
    backup = central.state.database.read_bytes()
    delivered(place, central, range(10, 20))
    central.state.database.write_bytes(backup)
    delivered(place, central, range(20, 30))
    found = central.gateway()
    assert (found["state"], found["records"], found["gaps"], found["seq"]) == ("sound", 22, 1, 31)
    assert audited(place, central.state.database).all_good
