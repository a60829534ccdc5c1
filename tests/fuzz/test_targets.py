"""Each fuzz target holds for what is shipped, and for a little chance: the long run is `make fuzz`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS, seeds


@pytest.mark.parametrize("name", TARGETS)
def test_target_holds_for_every_seed_whole_and_cut(name: str) -> None:
    every = list(seeds(name))
    assert len(every) > 50
    for seed in every:
        for part in (seed, seed[:-1], seed[len(seed) // 2 :], b""):
            TARGETS[name](part)


@given(st.sampled_from(sorted(TARGETS)), st.binary(max_size=300))
def test_target_holds_for_any_bytes(name: str, data: bytes) -> None:
    TARGETS[name](data)
