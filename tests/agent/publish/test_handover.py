"""The chain is handed over durably: from the record on the new key signs, also after a restart."""

from dataclasses import replace
from pathlib import Path

from agent.keys.ring import open_ring, prepare
from agent.publish.handover import hand_over
from agent.publish.spool import Spool
from buffer.outbox import Outbox, Stored
from evidence import kinds
from evidence.keys import create_key, load_signer
from isms.intake import Intake
from isms.inventory import Books
from tests.agent.core.looks import moment
from tests.agent.publish.chains import AUDIENCE, EPOCH, author
from tests.evidence.samples import AT
from tests.evidence.samples import Gateway as Paper

MIB = 1024 * 1024


def spool(outbox: Outbox, path: Path, who) -> Spool:
    begin = kinds.ChainStart(
        reason=kinds.StartReason.FIRST_BOOT, plant="werk-ulm", gateway="gw-halle3", agent_version="0", previous=None, at=AT
    )
    return Spool(outbox, path / "journal.db", path / "watermark", author=who, begin=begin, epoch=EPOCH, now=moment())


def test_a_receiver_follows_a_handover_and_the_record_of_the_next_run(tmp_path: Path) -> None:
    from evidence.trust import Registry

    first = author(tmp_path)
    key = tmp_path / "report.key"
    heir = prepare(key)
    with Outbox.open(tmp_path / "outbox.db", max_bytes=MIB) as outbox:
        after = hand_over(spool(outbox, tmp_path, first), first, heir, moment())
        assert outbox.notes()["key"] == heir.kid.encode()
    with Outbox.open(tmp_path / "outbox.db", max_bytes=MIB) as outbox:
        ring = open_ring(key, outbox.notes()["key"].decode())
        assert ring.signer.kid == after.signer.kid == load_signer(key).kid
        running = spool(outbox, tmp_path, replace(first, signer=ring.signer))
        third = prepare(key)
        hand_over(running, replace(first, signer=ring.signer), third, moment())
        tokens = [parcel.token for parcel in outbox.pending(0, limit=9) if isinstance(parcel, Stored)]
    from evidence.keys import public_from_jwk

    trust = Registry().with_key(public_from_jwk(first.signer.public_jwk), first.issuer)
    with Books.open(tmp_path / "isms.db") as books:
        desk = Intake(books, prefix="", audience=AUDIENCE)
        for token in tokens:
            desk.take(Paper().topic(), token, trust=trust, at=AT)
        assert [due.head.seq for due in desk.commit()] == [2]
        [found] = books.gateways()
        assert (found["kid"], found["records"]) == (third.kid, 3)


def test_a_key_waits_for_room_that_only_delivery_can_make_and_holds_up_nothing(tmp_path: Path) -> None:
    who, handed_over = author(tmp_path), 0
    with Outbox.open(tmp_path / "outbox.db", max_bytes=MIB) as outbox:
        waiting = spool(outbox, tmp_path, who)
        outbox.respect(2**60)  # not a page more than there is; and neither the start nor a change of the key may go
        while (heir := create_key(tmp_path / f"{handed_over}.key")) and hand_over(waiting, who, heir, moment()) is not who:
            who, handed_over = replace(who, signer=heir), handed_over + 1
        assert waiting.chain.seq == handed_over < 200
        assert outbox.notes()["key"] == who.signer.kid.encode()
