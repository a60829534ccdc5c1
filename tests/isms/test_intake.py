"""Taking messages in: the books hold the same whatever the order, and no receipt covers what is not committed."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.chain import Head
from evidence.envelope import hash_text, seal
from evidence.kinds import ChainStart, Gap, GapReason, PreviousChain, StartReason
from evidence.trust import Registry
from isms.intake import Intake
from isms.store import HELD_RECORDS
from tests.effort import examples
from tests.evidence.samples import AT, AUDIENCE, Gateway, asset, change, event, signer, start
from tests.evidence.test_envelope import header, signed
from tests.isms.stores import Both, Place, sqlite

GATEWAY = Gateway()
TOKENS = [
    GATEWAY.report(body).token for body in (start(), asset(), change(), asset(firmware="2.2"), asset(outcome="silent"), event())
]
OTHER_EPOCH = "01890a5d-ac96-774b-bcce-ffffffffffff"


def intake(books: Both) -> Intake:
    return Intake(books, prefix="", audience=AUDIENCE)


def take(desk: Intake, gateway: Gateway, *tokens: bytes, leaf: str = "evidence", trust: Registry | None = None) -> None:
    for token in tokens:
        desk.take(gateway.topic(leaf), token, trust=trust or gateway.trust, at=AT)


def held(books: Both) -> tuple[list[Any], object]:
    [gateway] = books.gateways()
    return [books.assets(), sorted(token for _, token, _ in books.tokens())], (
        gateway["seq"],
        gateway["records"],
        gateway["state"],
    )


@settings(max_examples=examples(20), deadline=None)
@given(st.permutations(range(len(TOKENS))), st.lists(st.integers(0, len(TOKENS) - 1), max_size=6), st.sets(st.integers(0, 12)))
def test_any_order_with_any_repetition_and_any_batches_leaves_the_same_books(
    order: list[int], again: list[int], commits: set[int]
) -> None:
    import tempfile

    # Held records need a chain to be ahead of: a gateway sends the oldest first, so only the start must not be late.
    arrivals = [0, *order, *again]
    with tempfile.TemporaryDirectory() as directory, sqlite(Path(directory))() as books:
        desk = intake(books)
        for number, which in enumerate(arrivals):
            take(desk, GATEWAY, TOKENS[which])
            if number in commits:
                desk.commit()
        due = desk.commit()
        assets, chain = held(books)
    assert chain == (5, 6, "sound")
    assert assets[1] == sorted(TOKENS)
    assert [(one["outcome"], one["nameplate"]["firmware_version"]["value"], len(one["changes"])) for one in assets[0]] == [
        ("silent", "2.2", 1)
    ]
    assert [one.head for one in due] in ([GATEWAY.head], [])


def test_receipts_cover_exactly_what_was_committed(books: Both) -> None:
    desk = intake(books)
    take(desk, GATEWAY, *TOKENS[:3])
    [due] = desk.commit()
    assert (due.iss, due.head.seq) == (GATEWAY.iss, 2)
    assert desk.commit() == []


def test_a_repeated_record_is_receipted_again_with_the_newest_head(books: Both) -> None:
    desk = intake(books)
    take(desk, GATEWAY, *TOKENS)
    desk.commit()
    take(desk, GATEWAY, TOKENS[1])
    assert [due.head for due in desk.commit()] == [GATEWAY.head]


def test_what_was_not_committed_is_gone_and_comes_again(place: Place) -> None:
    with place() as books:
        desk = intake(books)
        take(desk, GATEWAY, *TOKENS[:2])
        desk.commit()
        take(desk, GATEWAY, *TOKENS[2:])
    with place() as books:
        desk = intake(books)
        assert held(books)[1] == (1, 2, "sound")
        take(desk, GATEWAY, *TOKENS)
        assert [due.head for due in desk.commit()] == [GATEWAY.head]


def test_a_record_that_is_ahead_is_held_and_not_receipted(books: Both) -> None:
    desk = intake(books)
    take(desk, GATEWAY, TOKENS[0], TOKENS[2])
    assert [due.head.seq for due in desk.commit()] == [0]
    take(desk, GATEWAY, TOKENS[1])
    assert [due.head.seq for due in desk.commit()] == [2]


def test_the_window_of_held_records_is_bounded_and_the_rest_is_sent_again(books: Both) -> None:
    gateway = Gateway()
    tokens = [envelope.token for envelope in gateway.chain(HELD_RECORDS + 10)]
    desk = intake(books)
    take(desk, gateway, tokens[0], *tokens[2:], tokens[1])
    [due] = desk.commit()
    assert due.head.seq == HELD_RECORDS + 1
    take(desk, gateway, *tokens)
    assert [due.head for due in desk.commit()] == [gateway.head]


def gap(gateway: Gateway, first: int, last: int) -> Gap:
    digest = gateway.sent[last].digest
    return Gap(from_seq=first, to_seq=last, count=last - first + 1, reason=GapReason.BUFFER_FULL, last_hash=hash_text(digest))


def test_a_signed_gap_is_stepped_over_and_counted(books: Both) -> None:
    gateway = Gateway()
    gateway.chain(6)
    gateway.report(gap(gateway, 2, 4))
    tokens = [envelope.token for envelope in gateway.sent]
    desk = intake(books)
    take(desk, gateway, tokens[0], tokens[1], tokens[5], tokens[6])
    assert [due.head for due in desk.commit()] == [gateway.head]
    [found] = books.gateways()
    assert (found["records"], found["gaps"], found["state"]) == (4, 1, "sound")


def test_a_gap_survives_a_receiver_that_forgot_what_it_held(place: Place) -> None:
    gateway = Gateway()
    gateway.chain(6)
    gateway.report(gap(gateway, 2, 4))
    tokens = [envelope.token for envelope in gateway.sent]
    with place() as books:
        desk = intake(books)
        take(desk, gateway, tokens[0], tokens[1], tokens[6])
        assert desk.commit() == []  # the end lies on a record that is not held: nothing to receipt
    with place() as books:
        desk = intake(books)
        take(desk, gateway, tokens[0], tokens[1], tokens[5], tokens[6])
        assert [due.head for due in desk.commit()] == [gateway.head]


def test_a_record_that_a_gap_gave_up_comes_too_late(books: Both) -> None:
    gateway = Gateway()
    gateway.chain(6)
    gateway.report(gap(gateway, 2, 4))
    tokens = [envelope.token for envelope in gateway.sent]
    desk = intake(books)
    take(desk, gateway, tokens[0], tokens[1], tokens[5], tokens[6], tokens[3])
    desk.commit()
    assert books.refusals() == {"given-up": 1}


def clone(at: int) -> bytes:
    other = Gateway()
    other.chain(at)
    return other.report(event("another word")).token


def test_a_fork_keeps_both_records_and_ends_receipts_for_good(books: Both) -> None:
    gateway = Gateway()
    tokens = [envelope.token for envelope in gateway.chain(4)]
    desk = intake(books)
    take(desk, gateway, *tokens[:3], clone(2))
    assert desk.commit() == []
    assert sorted(token for _, token, _ in books.tokens()) == sorted([*tokens[:3], clone(2)])
    take(desk, gateway, tokens[3], tokens[2])
    assert desk.commit() == []
    take(intake(books), gateway, tokens[3])
    assert books.refusals() == {"frozen": 3}


def test_a_record_that_does_not_continue_the_chain_is_kept_and_freezes_it(books: Both) -> None:
    gateway = Gateway()
    gateway.chain(2)
    gateway.head = Head(gateway.epoch, 1, bytes(32))
    broken = gateway.report(event()).token
    desk = intake(books)
    take(desk, gateway, gateway.sent[0].token, gateway.sent[1].token, broken)
    assert desk.commit() == []
    [found] = books.gateways()
    assert (found["state"], found["breaks"], found["seq"]) == ("broken", 1, 1)


def test_a_frozen_gateway_goes_on_only_with_a_new_key_and_a_new_chain(books: Both) -> None:
    gateway = Gateway()
    gateway.chain(3)
    desk = intake(books)
    take(desk, gateway, *(envelope.token for envelope in gateway.sent), clone(2))
    same_key = Gateway(epoch=OTHER_EPOCH)
    take(desk, gateway, same_key.report(start(StartReason.DAMAGED)).token)
    assert desk.commit() == []
    new_key = Gateway(epoch=OTHER_EPOCH, seed=b"\x05" * 32)
    take(desk, new_key, new_key.report(start(StartReason.OPERATOR)).token)
    assert [due.head for due in desk.commit()] == [new_key.head]


def test_a_new_chain_that_names_the_end_of_the_last_one_needs_no_review(books: Both) -> None:
    gateway = Gateway()
    gateway.chain(3)
    assert gateway.head
    previous = PreviousChain(epoch=gateway.epoch, seq=2, head=hash_text(gateway.head.digest))
    following = Gateway(epoch=OTHER_EPOCH)
    following.report(start(StartReason.ROTATE, previous))
    desk = intake(books)
    take(desk, gateway, *(envelope.token for envelope in [*gateway.sent, *following.sent]))
    assert [due.head for due in desk.commit()] == [gateway.head, following.head]
    [found] = books.gateways()
    assert (found["epochs"], found["review"]) == (2, [])


def test_a_new_chain_that_forgot_the_last_one_is_accepted_and_to_be_reviewed(books: Both) -> None:
    gateway = Gateway()
    gateway.chain(3)
    following = Gateway(epoch=OTHER_EPOCH)
    following.report(start(StartReason.DAMAGED))
    desk = intake(books)
    take(desk, gateway, *(envelope.token for envelope in [*gateway.sent, *following.sent]))
    desk.commit()
    [found] = books.gateways()
    assert found["epoch"] == OTHER_EPOCH and "began anew (damaged)" in found["review"][0]


def test_a_closed_chain_is_closed_for_good(books: Both) -> None:
    gateway = Gateway()
    gateway.chain(3)
    following = Gateway(epoch=OTHER_EPOCH)
    following.chain(2)
    desk = intake(books)
    take(desk, gateway, *(envelope.token for envelope in [*gateway.sent, *following.sent]))
    take(desk, gateway, gateway.report(event()).token)
    desk.commit()
    assert books.refusals() == {"orphan": 1}
    assert books.gateways()[0]["epoch"] == OTHER_EPOCH


def test_two_trusted_keys_may_not_share_one_chain(books: Both) -> None:
    gateway = Gateway()
    gateway.chain(2)
    second = Gateway(seed=b"\x06" * 32, head=gateway.head)
    trust = gateway.trust.with_key(second.public, gateway.iss)
    desk = intake(books)
    take(desk, gateway, gateway.sent[0].token, gateway.sent[1].token, second.report(event()).token, trust=trust)
    desk.commit()
    assert books.refusals() == {"other-key": 1}


def test_a_record_of_an_unknown_kind_is_kept_so_that_its_chain_goes_on(books: Both) -> None:
    import msgspec

    gateway = Gateway()
    gateway.chain(2)
    later = msgspec.structs.replace(gateway.claims(event()), type="asset/2", body=msgspec.Raw(b'{"new":true}'))
    envelope = seal(later, signer())
    gateway.head = Head(gateway.epoch, 2, envelope.digest)
    desk = intake(books)
    take(desk, gateway, gateway.sent[0].token, gateway.sent[1].token, envelope.token, gateway.report(event()).token)
    assert [due.head.seq for due in desk.commit()] == [3]


def test_silence_keeps_the_nameplate_that_was_last_read(books: Both) -> None:
    desk = intake(books)
    take(desk, GATEWAY, *TOKENS)
    desk.commit()
    [found] = books.assets()
    assert found["outcome"] == "silent"
    assert found["nameplate"]["firmware_version"]["value"] == "2.2"
    assert [one["change"] for one in found["changes"]] == ["changed"]


def test_health_counts_only_if_it_is_newer(books: Both) -> None:
    gateway = Gateway()
    desk = intake(books)
    take(desk, gateway, gateway.online(2), leaf="status")
    for sess, up in ((2, 10), (2, 20), (2, 15), (1, 99)):
        take(desk, gateway, gateway.health(sess, up), leaf="health")
    desk.commit()
    [found] = books.gateways()
    assert found["health"]["uptime_s"] == 20
    assert books.refusals() == {"outdated": 2}


def test_a_word_of_a_closed_chain_is_outdated(books: Both) -> None:
    gateway, following = Gateway(), Gateway(epoch=OTHER_EPOCH)
    gateway.chain(1)
    following.chain(1)
    desk = intake(books)
    take(desk, gateway, gateway.sent[0].token, following.sent[0].token)
    take(desk, gateway, following.online(1), gateway.online(9), leaf="status")
    desk.commit()
    assert books.gateways()[0]["sess"] == 1
    assert books.refusals() == {"outdated": 1}


def test_a_start_that_claims_an_unknown_past_is_to_be_reviewed(books: Both) -> None:
    gateway = Gateway()
    past = PreviousChain(epoch=OTHER_EPOCH, seq=7, head=hash_text(bytes(32)))
    body: ChainStart = start(StartReason.RESTORE, past)
    desk = intake(books)
    take(desk, gateway, gateway.report(body).token)
    desk.commit()
    assert "of which nothing is held" in books.gateways()[0]["review"][0]


def test_a_gap_that_came_too_early_is_tried_again_when_the_chain_has_come_that_far(books: Both) -> None:
    gateway = Gateway()
    gateway.chain(8)
    gateway.report(gap(gateway, 4, 6))
    tokens = [envelope.token for envelope in gateway.sent]
    desk = intake(books)
    take(desk, gateway, tokens[0], tokens[8], tokens[7])  # the gap is held: what it covers is not next
    desk.commit()
    take(desk, gateway, *tokens[1:4])
    assert [due.head for due in desk.commit()] == [gateway.head]
    assert books.waiting() == set()


def test_a_gap_that_waits_and_is_false_stops_nothing_and_moves_nothing(books: Both) -> None:
    gateway = Gateway()
    gateway.chain(8)
    gateway.report(msgspec.structs.replace(gap(gateway, 4, 6), count=9))
    tokens = [envelope.token for envelope in gateway.sent]
    desk = intake(books)
    take(desk, gateway, tokens[0], tokens[8], *tokens[1:4])
    assert [due.head.seq for due in desk.commit()] == [3]
    assert [(hole.from_seq, hole.to_seq) for hole in desk.holes()] == [(4, 7)]


OLD = 5
"""Where the old books ended, of which nothing is left."""


def moved_on() -> tuple[Gateway, list[bytes]]:
    """A gateway that let go of what a lost receiver had signed for: its word on that, and what it still holds."""
    gateway = Gateway()
    gateway.chain(OLD + 4)
    held = [envelope.token for envelope in gateway.sent[OLD + 1 :]]
    lost = gap(gateway, 0, OLD)
    word = gateway.report(msgspec.structs.replace(lost, reason=GapReason.DELIVERED)).token
    return gateway, [word, *held]


def test_fresh_books_ask_for_the_beginning_of_a_chain_that_its_gateway_is_in(books: Both) -> None:
    gateway, (_, first, *_rest) = moved_on()
    desk = intake(books)
    take(desk, gateway, gateway.online(7), leaf="status")
    take(desk, gateway, first)
    assert desk.commit() == []
    assert [tuple(hole) for hole in desk.holes()] == [(gateway.iss, gateway.epoch, 0, OLD)]
    assert books.gateways()[0]["hole"] == [0, OLD]


def test_fresh_books_take_up_an_old_chain_where_the_gateway_signs_that_the_rest_was_delivered(books: Both) -> None:
    gateway, (word, *held_by_gateway) = moved_on()
    desk = intake(books)
    take(desk, gateway, gateway.online(7), leaf="status")
    take(desk, gateway, held_by_gateway[0])
    desk.commit()
    take(desk, gateway, word, *held_by_gateway)
    assert [due.head for due in desk.commit()] == [gateway.head]
    [found] = books.gateways()
    assert (found["records"], found["gaps"], found["state"], found["hole"]) == (4, 1, "sound", None)
    assert found["kid"] == gateway.public.kid
    [note] = found["review"]
    assert note.startswith(f"{gateway.epoch}: taken up after record {OLD}:")


def test_fresh_books_take_the_whole_chain_where_it_is_still_there(books: Both) -> None:
    gateway = Gateway()
    tokens = [envelope.token for envelope in gateway.chain(4)]
    desk = intake(books)
    take(desk, gateway, gateway.online(7), leaf="status")
    take(desk, gateway, *reversed(tokens))
    assert [due.head for due in desk.commit()] == [gateway.head]
    assert books.gateways()[0]["review"] == []


def test_books_from_a_backup_go_on_with_the_chain_that_began_since(books: Both) -> None:
    before = Gateway(epoch=OTHER_EPOCH)
    desk = intake(books)
    take(desk, before, *(envelope.token for envelope in before.chain(3)))
    take(desk, before, before.online(6), leaf="status")
    desk.commit()
    gateway, tokens = moved_on()
    take(desk, gateway, gateway.online(7), leaf="status")
    take(desk, gateway, *tokens)
    assert [due.head for due in desk.commit()] == [gateway.head]
    assert [note.split(": ")[1][:8] for note in books.gateways()[0]["review"]] == ["taken up"]


@pytest.mark.parametrize("reason", [GapReason.BUFFER_FULL, GapReason.OPERATOR, GapReason.DAMAGED])
def test_only_what_was_delivered_lets_a_chain_be_taken_up_in_the_middle(books: Both, reason: GapReason) -> None:
    gateway = Gateway()
    gateway.chain(4)
    word = gateway.report(msgspec.structs.replace(gap(gateway, 0, 2), reason=reason)).token
    desk = intake(books)
    take(desk, gateway, gateway.online(7), leaf="status")
    take(desk, gateway, word, gateway.sent[3].token)
    assert desk.commit() == [] and books.chain(gateway.iss) is None


def test_a_replay_of_an_epoch_in_which_the_gateway_is_not_is_neither_held_nor_asked_for(books: Both) -> None:
    gateway, tokens = moved_on()
    desk = intake(books)
    take(desk, gateway, *tokens)  # its status was never heard
    take(desk, gateway, Gateway(epoch=OTHER_EPOCH).online(7), leaf="status")
    take(desk, gateway, *tokens)
    assert desk.commit() == [] and desk.holes() == []
    assert books.refusals() == {"orphan": 2 * len(tokens)}


def test_a_frozen_chain_is_not_left_by_taking_up_another_under_the_same_key(books: Both) -> None:
    frozen = Gateway(epoch=OTHER_EPOCH)
    clone = Gateway(epoch=OTHER_EPOCH)
    desk = intake(books)
    take(desk, frozen, *(envelope.token for envelope in frozen.chain(3)))
    clone.chain(2)
    take(desk, clone, clone.report(event("clone")).token)
    gateway, tokens = moved_on()
    take(desk, gateway, gateway.online(7), leaf="status")
    take(desk, gateway, *tokens)
    assert desk.commit() == []
    assert books.gateways()[0]["state"] == "forked"


def test_a_thrown_away_key_takes_up_nothing(books: Both) -> None:
    old = Gateway(epoch=OTHER_EPOCH)
    old.chain(2)
    old.rotate(b"\x07" * 32)
    desk = intake(books)
    take(desk, old, *(envelope.token for envelope in old.sent), trust=Gateway().trust)
    thief, tokens = moved_on()
    take(desk, thief, thief.online(9), leaf="status")
    take(desk, thief, *tokens)
    desk.commit()
    assert books.refusals() == {"other-key": 1 + len(tokens)}


@pytest.mark.parametrize("levels", [40, 300, 900, 980, 3_000, 90_000])
def test_posture_that_is_nested_without_end_stops_neither_the_receiver_nor_whoever_reads_its_books(
    books: Both, levels: int
) -> None:
    gateway = Gateway()
    token = gateway.report(start()).token
    honest = gateway.claims(asset())
    deep = bytes(honest.body).replace(b'"posture":null', b'"posture":{"a":' + b"[" * levels + b"]" * levels + b"}")
    desk = intake(books)
    payload = msgspec.json.encode(msgspec.structs.replace(honest, body=msgspec.Raw(deep)))
    take(desk, gateway, token, signed(header(), payload))
    desk.commit()
    assert all(found["posture"] is None for found in books.assets())
