"""The chain: each row of the table, and that order and repetition change nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.chain import Head, Link, Step, anchor, bridge, follow
from evidence.claims import Claims
from evidence.envelope import Opened, hash_text, unseal
from evidence.kinds import Gap, GapReason
from tests.effort import examples
from tests.evidence.samples import EPOCH, Gateway, event, start

OTHER_EPOCH = "01890a5d-ac96-774b-bcce-ffffffffffff"
LENGTH = 7


def opened(gateway: Gateway, length: int = LENGTH) -> list[Opened[Claims]]:
    return [unseal(envelope.token, gateway.trust.find) for envelope in gateway.chain(length)]


CHAIN = opened(Gateway())


def head_at(seq: int) -> Head:
    return Head(EPOCH, seq, CHAIN[seq].envelope.digest)


def step(head: Head | None, one: Opened[Claims], known: bytes | None = None) -> Step:
    return follow(head, one.claims, one.envelope.digest, known)


def other(seq: int) -> Opened[Claims]:
    """A genuine record for the same place as ours that says something else."""
    gateway = Gateway()
    gateway.chain(seq)
    return unseal(gateway.report(event("clone")).token, gateway.trust.find)


@pytest.mark.parametrize(
    ("head", "one", "known", "expected"),
    [
        (None, CHAIN[0], None, Step.NEW_EPOCH),
        (head_at(3), opened(Gateway(epoch=OTHER_EPOCH), 1)[0], None, Step.NEW_EPOCH),
        (None, CHAIN[1], None, Step.UNKNOWN_EPOCH),
        (head_at(3), opened(Gateway(epoch=OTHER_EPOCH), 2)[1], None, Step.UNKNOWN_EPOCH),
        (head_at(0), CHAIN[1], None, Step.ACCEPT),
        (head_at(2), CHAIN[1], CHAIN[1].envelope.digest, Step.DUPLICATE),
        (head_at(2), CHAIN[0], CHAIN[0].envelope.digest, Step.DUPLICATE),
        (head_at(2), other(2), CHAIN[2].envelope.digest, Step.FORK),
        (head_at(2), CHAIN[5], None, Step.AHEAD),
        (head_at(4), CHAIN[2], None, Step.GIVEN_UP),
        (Head(EPOCH, 2, bytes(32)), CHAIN[3], None, Step.BROKEN),
    ],
)
def test_each_row_of_the_table(head: Head | None, one: Opened[Claims], known: bytes | None, expected: Step) -> None:
    assert step(head, one, known) is expected


def test_an_epoch_begins_with_its_chain_start_and_with_nothing_else() -> None:
    gateway = Gateway()
    first = unseal(gateway.report(event()).token, gateway.trust.find)
    assert step(None, first) is Step.UNKNOWN_EPOCH


def test_the_link_after_a_head_names_its_hash() -> None:
    assert Link.after(head_at(4)) == Link(EPOCH, 5, hash_text(CHAIN[4].envelope.digest)) == Link(EPOCH, 5, CHAIN[5].claims.prev)
    assert Link.first(EPOCH) == Link(EPOCH, 0, None)


@settings(max_examples=examples(80))
@given(st.data())
def test_any_order_with_any_repetition_accepts_the_same_records(data: st.DataObject) -> None:
    repeated = data.draw(st.lists(st.sampled_from(CHAIN), max_size=10))
    arrivals = data.draw(st.permutations([*CHAIN, *repeated]))
    head: Head | None = None
    kept: dict[int, bytes] = {}
    waiting: list[Opened[Claims]] = []
    for one in arrivals:
        waiting.append(one)
        moved = True
        while moved:
            moved = False
            for held in list(waiting):
                match step(head, held, kept.get(held.claims.seq)):
                    case Step.ACCEPT | Step.NEW_EPOCH:
                        head = Head(EPOCH, held.claims.seq, held.envelope.digest)
                        kept[held.claims.seq] = held.envelope.digest
                        waiting.remove(held)
                        moved = True
                    case Step.DUPLICATE:
                        waiting.remove(held)
                    case other_step:
                        assert other_step in (Step.AHEAD, Step.UNKNOWN_EPOCH)
    assert head == head_at(LENGTH - 1) and not waiting
    assert kept == {one.claims.seq: one.envelope.digest for one in CHAIN}


def gap(first: int, last: int, *, count: int | None = None, last_hash: str | None = None) -> Gap:
    return Gap(
        from_seq=first,
        to_seq=last,
        count=last - first + 1 if count is None else count,
        reason=GapReason.BUFFER_FULL,
        last_hash=hash_text(CHAIN[last].envelope.digest) if last_hash is None else last_hash,
    )


def test_a_signed_gap_carries_the_chain_over_what_was_dropped() -> None:
    reached = bridge(head_at(1), 6, gap(2, 4))
    assert reached == head_at(4)
    assert step(reached, CHAIN[5]) is Step.ACCEPT


def test_a_gap_of_which_some_arrived_all_the_same_still_carries() -> None:
    assert bridge(head_at(3), 6, gap(2, 4)) == head_at(4)


@pytest.mark.parametrize(
    ("seq", "statement"),
    [
        (6, gap(3, 4)),  # begins later than our head
        (6, gap(0, 1)),  # ends before it
        (4, gap(2, 4)),  # speaks of itself
        (6, gap(2, 4, count=1)),
        (6, gap(4, 2)),
        (6, gap(2, 4, last_hash="A" * 42 + "B")),  # no canonical spelling of any hash
    ],
)
def test_a_gap_that_does_not_fit_carries_nothing(seq: int, statement: Gap) -> None:
    assert bridge(head_at(1), seq, statement) is None


def test_a_start_in_the_middle_of_a_chain_is_no_new_epoch() -> None:
    gateway = Gateway()
    gateway.chain(2)
    again = unseal(gateway.report(start()).token, gateway.trust.find)
    assert step(head_at(1), again) is Step.ACCEPT


def delivered(first: int, last: int, *, count: int | None = None, reason: GapReason = GapReason.DELIVERED) -> Gap:
    digest = hash_text(CHAIN[last].envelope.digest)
    return Gap(from_seq=first, to_seq=last, count=last - first + 1 if count is None else count, reason=reason, last_hash=digest)


def test_a_chain_is_taken_up_where_all_before_was_delivered() -> None:
    assert anchor(CHAIN[6].claims, delivered(0, 4)) == head_at(4)


@pytest.mark.parametrize(
    "gap",
    [delivered(1, 4), delivered(0, 6), delivered(0, 4, count=4), delivered(0, 4, reason=GapReason.BUFFER_FULL)],
    ids=["not from the beginning", "of itself", "miscounted", "given up"],
)
def test_a_chain_is_taken_up_on_no_other_word(gap: Gap) -> None:
    assert anchor(CHAIN[6].claims, gap) is None
