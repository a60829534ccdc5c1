"""The line beside an outbox: which chains may be gone on with, and which went back in time."""

from pathlib import Path

import pytest

from agent.publish.fold import Chain
from agent.publish.reached import Reached

EPOCH, OTHER = "e" * 8, "f" * 8
CHAIN = Chain(epoch=EPOCH, seq=4, head="H" * 43)


@pytest.fixture
def reached(tmp_path: Path) -> Reached:
    return Reached(tmp_path / "outbox.db")


def test_without_a_line_nothing_went_back(reached: Reached) -> None:
    assert reached.end() is None
    assert not reached.is_beyond(CHAIN, None)


def test_line_names_the_end_that_was_written(reached: Reached) -> None:
    reached.write(CHAIN)
    end = reached.end()
    assert end is not None and (end.epoch, end.seq, end.head) == (EPOCH, 4, "H" * 43)


@pytest.mark.parametrize(
    ("chain", "former", "beyond"),
    [
        (CHAIN, None, False),
        (Chain(epoch=EPOCH, seq=5, head="I" * 43), None, False),  # a kill came between the envelope and the line
        (Chain(epoch=EPOCH, seq=3, head="G" * 43), None, True),
        (Chain(epoch=EPOCH, seq=4, head="I" * 43), None, True),
        (Chain(epoch=OTHER, seq=0, head="I" * 43), EPOCH.encode(), False),  # a kill just after the begin of another chain
        (Chain(epoch=OTHER, seq=9, head="I" * 43), None, True),
    ],
)
def test_outbox_behind_the_line_went_back(reached: Reached, chain: Chain, former: bytes | None, beyond: bool) -> None:
    reached.write(CHAIN)
    assert reached.is_beyond(chain, former) is beyond


def test_line_that_cannot_be_written_stops_nothing(tmp_path: Path, reached: Reached) -> None:
    (tmp_path / "outbox.db.end").mkdir()
    reached.write(CHAIN)
    assert reached.end() is None
