"""The books: how far each role has come is read from the gateway's own files, and a watermark of another journal proves nothing."""

from pathlib import Path

import pytest

from agent.demo.books import progress, recorded
from agent.demo.scene import CAST, plant_file
from agent.wiring import Places
from buffer.errors import SpoolError
from buffer.journal import Draft, Journal
from buffer.watermark import write_watermark
from config.load import load
from config.model import Plant


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    addresses = {part.asset_id: f"modbus-tcp://127.0.1.{part.host}:502?unit={part.unit}" for part in CAST}
    text = plant_file(addresses, state_dir=str(tmp_path / "gateway"), broker_port=1883, receiver_key="isms.jwk")
    file = tmp_path / "plant.toml"
    file.write_text(text.replace('security = "sign-and-encrypt"\n', ""))
    return load(file)


def write_down(plant: Plant, count: int) -> str:
    drafts = [Draft(kind="event", subject="gateway", at="2026-11-22T20:00:00Z", body=b"{}") for _ in range(count)]
    with Journal.open(Places(plant).journal, max_bytes=plant.spool.journal_max_bytes) as journal:
        journal.append(drafts)
        return journal.id


def fold(plant: Plant, journal_id: str, seq: int) -> None:
    mark = Places(plant).watermark
    mark.parent.mkdir(parents=True, exist_ok=True)
    write_watermark(mark, journal_id, seq)


def test_progress_is_the_end_of_the_journal_and_the_end_of_the_fold(plant: Plant) -> None:
    fold(plant, write_down(plant, 5), 3)
    assert progress(plant) == (5, 3)
    assert recorded(plant) == 5


def test_journal_that_is_folded_to_its_end_is_done(plant: Plant) -> None:
    fold(plant, write_down(plant, 5), 5)
    assert progress(plant) == (5, 5)


def test_watermark_of_another_journal_says_nothing(plant: Plant) -> None:
    write_down(plant, 5)
    fold(plant, "0" * 32, 5)
    assert progress(plant) == (5, 0)


def test_journal_that_is_not_there_yet_has_no_progress(plant: Plant) -> None:
    with pytest.raises(SpoolError):
        progress(plant)
