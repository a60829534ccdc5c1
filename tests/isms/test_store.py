"""The contract of the store port: what SQLite promises, a second store in memory promises too, and the receiver needs no more."""

import ast
from pathlib import Path

from evidence.chain import Head
from evidence.envelope import hash_text
from evidence.kinds import Gap, GapReason, Health
from evidence.trust import Handover
from isms.receive import Chain, ChainState, Presence, Report, Verdict, admit
from isms.store import HELD_RECORDS, KEPT_REFUSALS, Store
from tests.evidence.samples import AT, AUDIENCE, EPOCH, Gateway, asset, change, event, start
from tests.isms.stores import Both, Place

OTHER_EPOCH = "01890a5d-ac96-774b-bcce-ffffffffffff"
ISS = Gateway().iss
DIGEST = bytes(32)


def reports(gateway: Gateway) -> list[Report]:
    return [admitted(gateway, envelope.token) for envelope in gateway.sent]


def admitted(gateway: Gateway, token: bytes, leaf: str = "evidence") -> Report:
    return admit(gateway.topic(leaf), token, prefix="", audience=AUDIENCE, trust=gateway.trust)


def entered(books: Store, gateway: Gateway) -> Chain:
    """Enter a whole chain, as the receiver does."""
    found = reports(gateway)
    books.begin_chain(Chain(iss=ISS, kid=found[0].kid, head=Head(EPOCH, 0, found[0].envelope.digest)), review="", at=AT)
    for report in found:
        books.keep(report, Verdict.ACCEPTED, AT)
    chain = Chain(iss=ISS, kid=found[-1].kid, head=Head(EPOCH, len(found) - 1, found[-1].envelope.digest))
    books.move_head(chain)
    books.commit()
    return chain


def test_what_is_committed_is_there_when_the_books_are_opened_again(place: Place) -> None:
    gateway = Gateway()
    gateway.chain(3)
    with place() as books:
        chain = entered(books, gateway)
    with place() as books:
        assert (books.chain(ISS), books.head(ISS, EPOCH)) == (chain, chain.head)
        assert [token for _, token, _ in books.tokens()] == [envelope.token for envelope in gateway.sent]
        assert books.known(ISS, EPOCH, 1) == gateway.sent[1].digest and books.known(ISS, EPOCH, 3) is None


def test_what_was_not_committed_is_gone(place: Place) -> None:
    gateway = Gateway()
    gateway.chain(2)
    with place() as books:
        entered(books, gateway)
        late = admitted(gateway, gateway.report(event("late")).token)
        books.keep(late, Verdict.ACCEPTED, AT)
        books.hold(late, "topic")
        books.refuse("topic", b"x", reason="malformed", detail="", at=AT)
    with place() as books:
        assert (len(list(books.tokens())), books.waiting(), books.refusals()) == (2, set(), {})


def test_another_writer_is_noticed(place: Place) -> None:
    with place() as one, place() as other:
        one.begin()
        before = one.version()
        one.commit()
        one.begin()
        assert one.version() == before
        one.commit()
        other.refuse("topic", b"x", reason="malformed", detail="", at=AT)
        other.commit()
        one.begin()
        assert one.version() != before
        one.commit()


def test_counts_grow_with_each_record_once_and_belong_to_their_gateway(books: Both) -> None:
    gateway = Gateway()
    gateway.chain(4)
    digest = hash_text(gateway.sent[3].digest)
    gateway.report(Gap(from_seq=3, to_seq=3, count=1, reason=GapReason.OPERATOR, last_hash=digest))
    entered(books, gateway)
    books.keep(reports(gateway)[2], Verdict.ACCEPTED, AT)  # again: it is there already
    clone = Gateway()
    clone.chain(2)
    books.keep(admitted(clone, clone.report(event("clone")).token), Verdict.FORKED, "2026-11-22T21:00:00Z")
    books.freeze(ISS, EPOCH, ChainState.FORKED)
    books.commit()
    [found] = books.gateways()
    counted = {name: found[name] for name in ("records", "gaps", "forks", "breaks", "last_received_at")}
    assert counted == {"records": 5, "gaps": 1, "forks": 1, "breaks": 0, "last_received_at": "2026-11-22T21:00:00Z"}
    assert (found["state"], books.head(ISS, EPOCH)) == ("forked", None)


def test_records_that_wait_come_out_in_their_turn_and_only_once(books: Both) -> None:
    gateway = Gateway()
    gateway.chain(6)
    for report in reports(gateway)[2:5]:
        books.hold(report, "topic")
    assert (books.waiting(), books.first_held(ISS, EPOCH)) == ({ISS}, 2)
    assert books.take_held(ISS, Head(EPOCH, 0, DIGEST)) is None
    assert books.take_held(ISS, Head(EPOCH, 2, DIGEST)) == ("topic", gateway.sent[3].token)
    assert books.first_held(ISS, EPOCH) == 4
    assert books.take_held(ISS, Head(EPOCH, 2, DIGEST)) is None


def test_a_gap_that_waits_is_found_by_what_it_accounts_for(books: Both) -> None:
    gateway = Gateway()
    gateway.chain(6)
    digest = hash_text(gateway.sent[4].digest)
    gateway.report(Gap(from_seq=3, to_seq=4, count=2, reason=GapReason.OPERATOR, last_hash=digest))
    books.hold(reports(gateway)[-1], "topic")
    found = [books.held_gap(ISS, Head(EPOCH, seq, DIGEST)) is not None for seq in range(6)]
    assert found == [False, False, True, True, False, False]


def test_no_more_waits_than_there_is_room_for(books: Both) -> None:
    gateway = Gateway()
    gateway.chain(HELD_RECORDS + 3)
    for report in reports(gateway)[1:]:
        books.hold(report, "topic")
    assert books.take_held(ISS, Head(EPOCH, HELD_RECORDS, DIGEST)) is None
    assert books.take_held(ISS, Head(EPOCH, HELD_RECORDS - 1, DIGEST)) is None  # all before it was let go of


def test_a_new_chain_ends_the_waiting_for_another_one(books: Both) -> None:
    gateway = Gateway()
    gateway.chain(4)
    books.hold(reports(gateway)[3], "topic")
    books.begin_chain(Chain(iss=ISS, kid="k", head=Head(OTHER_EPOCH, 0, DIGEST)), review="look", at=AT)
    assert books.waiting() == set()
    assert books.gateways()[0]["review"] == [f"{OTHER_EPOCH}: look"]


def test_an_epoch_is_left_when_another_begins_or_is_spoken_in(books: Both) -> None:
    assert not books.is_left(ISS, EPOCH)
    for epoch in (EPOCH, OTHER_EPOCH):
        books.note_presence(ISS, Presence(epoch=epoch, sess=1, online=True), AT)
    assert books.is_left(ISS, EPOCH) and not books.is_left(ISS, OTHER_EPOCH)
    assert books.presence(ISS) == Presence(epoch=OTHER_EPOCH, sess=1, online=True)


def test_handovers_come_back_in_their_order_and_a_key_hands_over_once(books: Both) -> None:
    first, second = (Gateway(seed=bytes([number]) * 32).public for number in (7, 8))
    told = [Handover(iss=ISS, old_kid="old", new=first), Handover(iss=ISS, old_kid=first.kid, new=second)]
    for handover in (*told, Handover(iss=ISS, old_kid="old", new=second)):
        books.note_handover(handover, AT)
    assert [(one.old_kid, one.new.kid) for one in books.handovers()] == [("old", first.kid), (first.kid, second.kid)]


def test_of_health_the_newest_counts(books: Both) -> None:
    gateway = Gateway()
    news = []
    for sess, up in ((1, 10), (1, 9), (1, 11), (2, 5), (1, 99)):
        report = admitted(gateway, gateway.health(sess, up), "health")
        assert isinstance(report.body, Health)
        news.append(books.note_health(report, report.body, AT))
    assert news == [True, False, True, True, False]
    assert books.gateways()[0]["health"]["uptime_s"] == 5


def test_assets_keep_their_last_nameplate_and_their_changes(books: Both) -> None:
    gateway = Gateway()
    for body in (start(), asset(), change(), asset(outcome="silent")):
        gateway.report(body)
    entered(books, gateway)
    [found] = books.assets()
    assert (found["outcome"], found["nameplate"]["firmware_version"]["value"], len(found["changes"])) == ("silent", "2.1", 1)
    assert found["last_seen_at"] == AT


def test_refusals_are_all_counted_and_the_newest_kept(books: Both) -> None:
    for number in range(KEPT_REFUSALS + 5):
        books.refuse("topic", b"x", reason="malformed", detail=str(number), at=AT)
    books.commit()
    assert books.refusals() == {"malformed": KEPT_REFUSALS + 5}
    assert [len(books.refused()), books.refused()[0]["detail"]] == [KEPT_REFUSALS, "5"]


def test_nothing_but_the_inventory_knows_sql() -> None:
    room = Path(__file__).parents[2] / "isms"
    guilty = [path.name for path in room.glob("*.py") if "sqlite3" in imported(path)]
    assert guilty == []
    assert "isms.inventory" not in imported(room / "intake.py") | imported(room / "service.py") | imported(room / "alarms.py")


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                found |= {each.name for each in names}
            case ast.ImportFrom(module=str(module)):
                found.add(module)
            case _:
                pass
    return found
