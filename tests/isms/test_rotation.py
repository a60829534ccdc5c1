"""A chain that changes its key inside itself: taken in, receipted, verified; and what the old key can still do, which is nothing."""

from evidence.kinds import StartReason
from evidence.trust import Registry
from isms.intake import Intake
from isms.verify import Auditor, Verification
from tests.evidence.samples import AT, AUDIENCE, EPOCH, RFC_8037_SEED, Gateway, event, start
from tests.isms.stores import Both

NEW, THIRD = b"\x07" * 32, b"\x08" * 32
OTHER_EPOCH = "01890a5d-ac96-774b-bcce-ffffffffffff"
TRUST = Gateway().trust


def intake(books: Both) -> Intake:
    return Intake(books, prefix="", audience=AUDIENCE)


def take(desk: Intake, *tokens: bytes, leaf: str = "evidence", trust: Registry = TRUST) -> None:
    for token in tokens:
        desk.take(Gateway().topic(leaf), token, trust=trust, at=AT)


def rotated() -> Gateway:
    gateway = Gateway()
    gateway.chain(3)
    gateway.rotate(NEW)
    gateway.report(event("signed by the next key"))
    gateway.rotate(THIRD)
    gateway.report(event("and by the one after it"))
    return gateway


def tokens(gateway: Gateway) -> list[bytes]:
    return [envelope.token for envelope in gateway.sent]


def audit(lines: list[bytes], trust: Registry = TRUST) -> Verification:
    auditor = Auditor(trust)
    for line in lines:
        auditor.take(line, "line")
    return auditor.report()


def test_the_chain_goes_on_under_each_heir_and_needs_no_operator(books: Both) -> None:
    gateway = rotated()
    desk = intake(books)
    take(desk, *tokens(gateway))
    assert [due.head for due in desk.commit()] == [gateway.head]
    [found] = books.gateways()
    assert (found["records"], found["state"], found["kid"], found["review"]) == (7, "sound", Gateway(seed=THIRD).public.kid, [])


def test_a_receiver_that_was_started_anew_remembers_the_heirs(books: Both) -> None:
    gateway = rotated()
    take(desk := intake(books), *tokens(gateway)[:6])
    desk.commit()
    take(again := intake(books), tokens(gateway)[6])
    assert [due.head for due in again.commit()] == [gateway.head]


def test_what_an_old_key_signed_is_receipted_again_when_it_is_repeated(books: Both) -> None:
    gateway = rotated()
    take(desk := intake(books), *tokens(gateway))
    desk.commit()
    take(desk, tokens(gateway)[1])
    assert [due.head for due in desk.commit()] == [gateway.head]


def test_an_old_key_neither_continues_nor_forks_nor_begins_a_chain_nor_says_that_it_is_online(books: Both) -> None:
    gateway = rotated()
    take(desk := intake(books), *tokens(gateway))
    thief = Gateway(seed=RFC_8037_SEED)
    thief.chain(2)
    forked = thief.report(event("another word for place 2")).token
    continued = Gateway(seed=RFC_8037_SEED, head=gateway.head).report(event()).token
    begun = Gateway(seed=RFC_8037_SEED, epoch=OTHER_EPOCH).report(start(StartReason.DAMAGED)).token
    take(desk, forked, continued, begun)
    take(desk, Gateway().online(9), leaf="status")
    desk.commit()
    assert books.refusals() == {"other-key": 4}
    [found] = books.gateways()
    assert (found["epoch"], found["state"], found["status"]) == (EPOCH, "sound", "unknown")


def test_an_heir_falls_with_the_key_that_named_it(books: Both) -> None:
    gateway = rotated()
    take(desk := intake(books), *tokens(gateway)[:5])
    desk.commit()
    take(desk, *tokens(gateway)[5:], trust=TRUST.without_key(Gateway().public.kid))
    desk.commit()
    assert books.refusals() == {"unknown-key": 2}


def test_a_handover_without_the_new_keys_word_changes_nothing(books: Both) -> None:
    import msgspec

    from evidence.rotation import offer
    from tests.evidence.samples import signer

    gateway = Gateway()
    gateway.chain(2)
    body = offer(signer(NEW), iss=gateway.iss, epoch=EPOCH, seq=9, old_kid=signer().kid)
    gateway.report(msgspec.structs.replace(body))
    heir = Gateway(seed=NEW, head=gateway.head).report(event()).token
    take(desk := intake(books), *tokens(gateway), heir)
    desk.commit()
    assert books.handovers() == [] and books.refusals() == {"unknown-key": 1}
    assert books.gateways()[0]["kid"] == Gateway().public.kid


def test_an_auditor_follows_the_handovers_with_the_first_key_alone() -> None:
    report = audit(tokens(rotated()))
    assert report.all_good and report.chains[0].records == 7


def test_an_auditor_names_a_record_that_the_wrong_key_signed() -> None:
    gateway = rotated()
    impostor = Gateway(seed=RFC_8037_SEED, head=gateway.head)
    report = audit([*tokens(gateway), impostor.report(event()).token])
    assert report.chains[0].findings == ("signed with another key than the chain's: 7",)


def test_an_auditor_without_the_handover_cannot_open_what_comes_after_it() -> None:
    lines = tokens(rotated())
    report = audit(lines[:3] + lines[4:])
    assert not report.all_good and {refusal.reason for refusal in report.refusals} == {"unknown-key"}


def test_what_was_in_the_books_before_a_key_was_revoked_remains_evidence(books: Both) -> None:
    take(desk := intake(books), *tokens(rotated()))
    desk.commit()
    for revoked_at, good in (("2026-11-23T00:00:00Z", True), ("2026-11-22T00:00:00Z", False)):
        auditor = Auditor(TRUST.without_key(Gateway().public.kid, at=revoked_at))
        for row, token, received_at in books.tokens():
            auditor.take(token, str(row), received_at)
        assert auditor.report().all_good is good


def test_a_replayed_status_of_an_epoch_that_was_left_does_not_bring_it_back(books: Both) -> None:
    desk = intake(books)
    before, after = Gateway(), Gateway(epoch=OTHER_EPOCH)
    take(desk, before.online(5), after.online(1), before.online(6), leaf="status")
    desk.commit()
    assert (books.gateways()[0]["sess"], books.refusals()) == (1, {"outdated": 1})


def test_health_may_come_before_the_first_status(books: Both) -> None:
    take(desk := intake(books), Gateway().health(1, 10), leaf="health")
    take(desk, Gateway().online(1), leaf="status")
    desk.commit()
    [found] = books.gateways()
    assert (found["status"], found["health"]["uptime_s"], books.refusals()) == ("online", 10, {})
