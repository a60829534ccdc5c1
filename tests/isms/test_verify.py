"""An auditor's verdict: complete chains are good, and every way of tampering with one is found and named."""

import random

import pytest

from evidence.envelope import hash_text
from evidence.kinds import Gap, GapReason, PreviousChain, StartReason
from evidence.trust import Registry
from isms.verify import Auditor, Verification
from tests.evidence.samples import Gateway, event, start

OTHER_EPOCH = "01890a5d-ac96-774b-bcce-ffffffffffff"


def tokens(length: int = 8) -> list[bytes]:
    return [envelope.token for envelope in Gateway().chain(length)]


def audit(lines: list[bytes], trust: Registry | None = None) -> Verification:
    auditor = Auditor(trust or Gateway().trust)
    for number, line in enumerate(lines, 1):
        auditor.take(line, f"line {number}")
    return auditor.report()


def test_a_complete_chain_is_good() -> None:
    report = audit(tokens())
    [chain] = report.chains
    assert report.all_good
    assert (chain.records, chain.first, chain.last, chain.missing, chain.forks, chain.breaks, chain.gaps) == (8, 0, 7, 0, 0, 0, 0)


def test_nothing_at_all_is_not_good() -> None:
    assert not audit([]).all_good


def test_records_that_come_again_are_counted_once() -> None:
    lines = tokens()
    report = audit(lines[:5] + lines[2:])
    assert report.all_good and report.chains[0].records == 8


def test_an_altered_record_is_refused_with_its_line_and_leaves_a_hole() -> None:
    lines = tokens()
    lines[3] = lines[3][:200] + bytes([lines[3][200] ^ 1]) + lines[3][201:]
    report = audit(lines)
    assert [refusal.place for refusal in report.refusals] == ["line 4"]
    assert report.chains[0].missing == 1 and not report.all_good


@pytest.mark.parametrize("removed", range(7))
def test_a_removed_record_is_missed(removed: int) -> None:
    lines = tokens()
    del lines[removed]
    report = audit(lines)
    assert report.chains[0].missing == 1 and not report.all_good


def test_swapped_records_are_found_out_of_order() -> None:
    lines = tokens()
    lines[2], lines[5] = lines[5], lines[2]
    report = audit(lines)
    assert report.chains[0].findings[0].endswith(": 3, 4, 2") and not report.all_good


def test_a_signature_of_another_record_is_forged() -> None:
    lines = tokens()
    body, signature = lines[2].rsplit(b".", 1)[0], lines[3].rsplit(b".", 1)[1]
    lines[2] = body + b"." + signature
    report = audit(lines)
    assert [refusal.reason for refusal in report.refusals] == ["forged"]


def test_a_clone_that_went_on_by_itself_is_a_fork() -> None:
    gateway, clone = Gateway(), Gateway()
    gateway.chain(6)
    clone.chain(4)
    clone.report(event("clone"))
    report = audit([envelope.token for envelope in gateway.sent + clone.sent])
    [chain] = report.chains
    assert chain.forks == 1 and chain.findings[0].endswith("4 (line 11)") and not report.all_good


def test_a_record_that_links_to_a_clone_is_a_break() -> None:
    gateway, clone = Gateway(), Gateway()
    gateway.chain(5)
    clone.chain(4)
    clone.report(event("clone"))
    clone.report(event("goes on"))
    report = audit([envelope.token for envelope in [*gateway.sent, clone.sent[5]]])
    assert report.chains[0].breaks == 1 and not report.all_good


def test_a_key_that_nobody_trusts_proves_nothing() -> None:
    report = audit(tokens(), Gateway(seed=bytes(32)).trust)
    assert report.refused == 8 and not report.chains and not report.all_good


def test_a_trusted_key_that_speaks_for_another_gateway_proves_nothing() -> None:
    trust = Registry().with_key(Gateway().public, "urn:nameplated:werk-ulm:gw-other")
    assert {refusal.reason for refusal in audit(tokens(), trust).refusals} == {"foreign"}


def test_a_key_that_is_revoked_today_still_opens_old_records_and_is_named() -> None:
    report = audit(tokens(), Gateway().trust.without_key(Gateway().public.kid))
    assert report.chains[0].records == 8
    assert report.chains[0].findings == ("signed with a key that is revoked today",)


def gap(gateway: Gateway, first: int, last: int) -> Gap:
    digest = gateway.sent[last].digest
    return Gap(from_seq=first, to_seq=last, count=last - first + 1, reason=GapReason.BUFFER_FULL, last_hash=hash_text(digest))


def test_a_signed_gap_accounts_for_what_is_missing() -> None:
    gateway = Gateway()
    gateway.chain(7)
    gateway.report(gap(gateway, 2, 3))
    gateway.report(gap(gateway, 4, 5))
    lines = [envelope.token for envelope in gateway.sent]
    report = audit(lines[:2] + lines[6:])
    assert report.all_good and (report.chains[0].gaps, report.chains[0].missing) == (4, 0)


def test_a_signed_gap_accounts_for_nothing_else() -> None:
    gateway = Gateway()
    gateway.chain(7)
    gateway.report(gap(gateway, 2, 3))
    lines = [envelope.token for envelope in gateway.sent]
    report = audit(lines[:2] + lines[5:])
    assert report.chains[0].missing == 1 and not report.all_good
    assert audit(lines[:3] + lines[4:]).all_good  # it came after all: the gap said more than was lost


def test_a_second_chain_is_good_only_if_it_continues_the_first() -> None:
    first = Gateway()
    first.chain(3)
    honest, forgetful = Gateway(epoch=OTHER_EPOCH), Gateway(epoch=OTHER_EPOCH)
    previous = PreviousChain(epoch=first.epoch, seq=2, head=hash_text(first.sent[2].digest))
    honest.report(start(StartReason.ROTATE, previous))
    forgetful.report(start(StartReason.DAMAGED))
    assert audit([envelope.token for envelope in first.sent + honest.sent]).all_good
    report = audit([envelope.token for envelope in first.sent + forgetful.sent])
    assert "does not continue the chain before it" in report.chains[1].findings[0] and not report.all_good


def test_health_and_status_are_counted_beside_the_chains() -> None:
    gateway = Gateway()
    report = audit([*tokens(), gateway.online(1), gateway.health(1, 10)])
    assert report.all_good and report.unchained == 2


def test_lines_of_any_bytes_are_refused_and_only_the_first_hundred_are_listed() -> None:
    chance = random.Random(3)
    report = audit([chance.randbytes(chance.randrange(400)) for _ in range(150)])
    assert report.refused == 150 and len(report.refusals) == 100


@pytest.mark.parametrize(("reason", "told", "missing"), [("delivered", 2, 0), ("delivered", 1, 3), ("buffer-full", 2, 3)])
def test_a_chain_that_was_taken_up_is_named_and_is_missing_what_no_true_word_covers(reason: str, told: int, missing: int) -> None:
    gateway = Gateway()
    gateway.chain(5)
    digest = hash_text(gateway.sent[told].digest)  # only that of record 2 is what record 3 names
    gateway.report(Gap(from_seq=0, to_seq=2, count=3, reason=GapReason(reason), last_hash=digest))
    [chain] = audit([envelope.token for envelope in gateway.sent[3:]]).chains
    assert (chain.first, chain.missing, chain.gaps) == (3, missing, 3 - missing)
    assert ("examine both together" in chain.findings[0]) == (missing == 0)
