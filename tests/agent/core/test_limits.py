"""What goes first and what is confessed: oldest bodies, never the newest of a subject, and no hole without a gap."""

from hypothesis import given
from hypothesis import strategies as st

from agent.core.limits import Candidate, covered, missing, to_cut, to_shed

KINDS = st.sampled_from(["asset/1", "change/1", "gap/1", "chain.start/1", "key.rotate/1"])


def candidates(kinds: list[str], epochs: list[bool]) -> list[Candidate]:
    return [
        Candidate(position=number, epoch="e" if mine else "old", kind=kind, size_bytes=100)
        for number, (kind, mine) in enumerate(zip(kinds, epochs, strict=False), 1)
    ]


def test_nothing_goes_if_that_would_not_be_enough() -> None:
    assert to_shed(candidates(["asset/1"] * 3, [True] * 3), epoch="e", newest={3}, need_bytes=201) == []


@given(st.lists(KINDS, max_size=30), st.lists(st.booleans(), min_size=30), st.sets(st.integers(1, 30)), st.integers(1, 2000))
def test_what_goes_is_old_may_go_and_is_no_more_than_needed(
    kinds: list[str], epochs: list[bool], newest: set[int], need: int
) -> None:
    found = candidates(kinds, epochs)
    chosen = to_shed(found, epoch="e", newest=newest, need_bytes=need)
    going = {each.position: each for each in found if each.position in chosen}
    assert all(each.epoch == "e" and each.kind not in {"chain.start/1", "key.rotate/1"} for each in going.values())
    assert all(each.kind == "gap/1" for each in going.values() if each.position in newest)
    freed = [each.size_bytes for each in going.values() if each.kind != "gap/1"]
    assert not chosen or need <= sum(freed) < need + 100


@given(st.integers(-1, 20), st.sets(st.integers(0, 40)), st.integers(0, 45))
def test_every_place_is_settled_there_or_missing(after: int, present: set[int], upto: int) -> None:
    upto = max(upto, max(present, default=0), after)
    stretches = list(missing(after, sorted(present), upto))
    gone = {seq for first, last in stretches for seq in range(first, last + 1)}
    assert gone == {seq for seq in range(after + 1, upto + 1) if seq not in present}
    assert all(first - 1 not in gone and last + 1 not in gone for first, last in stretches)


@given(st.tuples(st.integers(0, 20), st.integers(0, 5)), st.lists(st.tuples(st.integers(0, 25), st.integers(0, 8)), max_size=6))
def test_a_stretch_is_covered_if_every_place_is(stretch: tuple[int, int], gaps: list[tuple[int, int]]) -> None:
    first, last = stretch[0], sum(stretch)
    spans = [(start, start + length) for start, length in gaps]
    every = all(any(start <= seq <= end for start, end in spans) for seq in range(first, last + 1))
    assert covered((first, last), spans) is every


def test_a_former_chain_gives_up_its_newest_bodies_and_what_the_rest_needs_only_at_last() -> None:
    found = candidates(["chain.start/1", "asset/1", "change/1", "gap/1", "asset/1"], [False] * 5)
    assert to_cut(found, need_bytes=150) == [5, 3]
    assert to_cut(found, need_bytes=301) == [5, 3, 2, 4]
    assert to_cut(found, need_bytes=10_000) == [5, 3, 2, 4, 1]
