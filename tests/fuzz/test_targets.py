"""Each fuzz target holds for what is shipped, for all that was reached before, and for a little chance: the long run is `make fuzz`."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import corpus
from tests.fuzz.targets import TARGETS, seeds


@pytest.mark.parametrize("name", TARGETS)
def test_target_holds_for_every_seed_whole_and_cut(name: str) -> None:
    every = list(seeds(name))
    assert len(every) > 50
    for seed in every:
        for part in (seed, seed[:-1], seed[len(seed) // 2 :], b""):
            TARGETS[name](part)


@pytest.mark.parametrize("name", TARGETS)
def test_target_holds_for_all_that_fuzzing_has_reached(name: str) -> None:
    reached = corpus.committed(name)
    assert len(reached) > 10
    for data in reached:
        TARGETS[name](data)


@pytest.mark.parametrize(("name", "data"), [pytest.param(name, data, id=wrong) for wrong, name, data in corpus.cases()])
def test_what_was_mended_stays_mended(name: str, data: bytes) -> None:
    TARGETS[name](data)


def test_every_file_belongs_to_a_target() -> None:
    assert {file.stem for file in (*corpus.CORPUS.iterdir(), *corpus.CASES.glob("*/*"))} <= TARGETS.keys()


def test_a_corpus_is_written_as_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "CORPUS", tmp_path / "corpus")
    corpus.write("frames", [b"long", b"b", b"a", b"a", b"", bytes(corpus.MAX_INPUT_BYTES + 1)])
    assert corpus.committed("frames") == [b"a", b"b", b"long"] and corpus.committed("profiles") == []


def test_a_failure_becomes_a_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "CASES", tmp_path)
    kept = corpus.keep_case("frames", b"\0\1")
    assert list(corpus.cases()) == [(kept.parent.name, "frames", b"\0\1")]


@given(st.sampled_from(sorted(TARGETS)), st.binary(max_size=300))
def test_target_holds_for_any_bytes(name: str, data: bytes) -> None:
    TARGETS[name](data)
