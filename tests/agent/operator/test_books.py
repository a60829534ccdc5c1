"""The journal is read as it is: beside its writer, and past what cannot be believed."""

from pathlib import Path

import pytest

from agent.operator import books
from agent.wiring import Places, asset_states
from buffer.journal import Journal
from buffer.record import Draft, State
from config.load import load
from tests.agent.operator.shelf import fill, plant_in


def test_beliefs_turns_and_changes_are_found_by_asset(tmp_path: Path) -> None:
    file = plant_in(tmp_path)
    fill(file)
    found = books.read(load(file))
    assert found.states.keys() == found.turns.keys() == {"press-07", "scale-9"}
    assert [change.change.value for change in found.changes["press-07"]] == ["first-seen", "changed"]


def test_a_long_journal_is_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "BATCH", 2)
    file = plant_in(tmp_path)
    fill(file)
    assert len(books.read(load(file)).changes["press-07"]) == 2


def test_what_cannot_be_believed_is_stepped_over(tmp_path: Path) -> None:
    file = plant_in(tmp_path)
    nonsense = State(kind="asset", subject="press-07", at="2026-01-01T00:00:00Z", body=b"[" * 50_000)
    with Journal.open(Places(load(file)).journal, max_bytes=1 << 20) as journal:
        journal.append([Draft(kind="change", subject="x", at=nonsense.at, body=b"no")], [nonsense])
    assert books.read(load(file)) == books.Books()


@pytest.mark.parametrize("levels", [100, 900, 3_000, 60_000])
def test_an_asset_of_which_nothing_can_be_read_is_as_good_as_never_seen(tmp_path: Path, levels: int) -> None:
    file = plant_in(tmp_path)
    fill(file)
    hostile = State(kind="asset", subject="press-07", at="2026-01-01T00:00:00Z", body=b"[" * levels + b"]" * levels)
    with Journal.open(Places(load(file)).journal, max_bytes=1 << 20) as journal:
        journal.append([], [hostile])
    assert books.read(load(file)).states.keys() == asset_states(load(file)).keys() == {"scale-9"}


def test_before_the_first_run_it_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="journal"):
        books.read(load(plant_in(tmp_path)))
