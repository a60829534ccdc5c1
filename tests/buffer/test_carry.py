"""What of a damaged journal begins the new one: states before records, newer records before older ones."""

from pathlib import Path

import pytest

from buffer.aside import give_up, mark_unsaved, set_aside
from buffer.carry import carried_over
from buffer.journal import Journal
from buffer.watermark import write_watermark
from tests.buffer.samples import MAX_BYTES, draft, state

A_ROW = 1000 + 128 + len("press-07")


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A journal that was set aside, with ten records and one state of about a thousand bytes each; two were folded."""
    path = tmp_path / "journal.db"
    with Journal.open(path, max_bytes=MAX_BYTES) as journal:
        journal.append([draft(b"%d" % number + bytes(999)) for number in range(10)], [state(bytes(1000))])
        write_watermark(tmp_path / "watermark", journal.id, 2)
    mark_unsaved(path, "it rotted")
    set_aside(path)
    return path


def numbers(journal: Path, saving_bytes: int) -> tuple[list[int], int, int | None]:
    found = carried_over(journal, journal.with_name("watermark"), saving_bytes)
    assert found is not None
    return [record.body[0] - ord("0") for record in found.records], len(found.states), found.recovery.lost


def test_with_room_all_states_go_along_and_all_records_that_were_not_folded(journal: Path) -> None:
    assert numbers(journal, MAX_BYTES) == (list(range(2, 10)), 1, 0)


def test_with_little_room_states_come_first_and_then_the_newest_records_and_the_rest_counts_as_lost(journal: Path) -> None:
    assert numbers(journal, 3 * A_ROW + 100) == ([8, 9], 1, 6)
    assert numbers(journal, A_ROW + 100) == ([], 1, 8)
    assert numbers(journal, 0) == ([], 0, 8)


def test_of_a_journal_that_was_given_up_nobody_knows_how_many_are_lost_and_that_is_said(journal: Path) -> None:
    give_up(journal.with_name("journal.db.damaged-1"))
    found = carried_over(journal, None, MAX_BYTES)
    assert found is not None and found.recovery.lost is None
    assert "there was no room to keep it" in found.recovery.sentence and "it rotted" in found.recovery.sentence


def test_where_nothing_was_set_aside_nothing_is_carried_over(tmp_path: Path) -> None:
    assert carried_over(tmp_path / "journal.db", None, MAX_BYTES) is None
