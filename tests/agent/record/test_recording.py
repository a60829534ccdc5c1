"""A recording replays to what it says, and notices when a question has changed."""

import msgspec
import pytest

from agent.record.recording import Recording, ReplayError, recording, replay, text_of

EXCHANGES = [("2b0e0200", "2b0e0282000003000441434d45010250370203322e31")]
PLATE = {"manufacturer_name": "ACME", "order_code_of_manufacturer": "P7", "firmware_version": "2.1"}


def made() -> Recording:
    return recording(EXCHANGES, None, transport="modbus-tcp", day="2026-11-22", redacted=[])


def test_a_recording_says_what_its_replay_says() -> None:
    assert (made().outcome, made().nameplate, made().remarks) == ("identified", PLATE, ())
    assert replay(EXCHANGES, None)[1] == 1


def test_a_recording_survives_its_file() -> None:
    assert msgspec.json.decode(text_of(made()), type=Recording) == made()


def test_a_question_that_was_not_asked_then_is_noticed() -> None:
    with pytest.raises(ReplayError, match="2b0e0200"):
        replay([("2b0e0100", "ab01")], None)


def test_a_dialogue_that_goes_on_beyond_the_recording_is_noticed() -> None:
    with pytest.raises(ReplayError):
        replay([("2b0e0200", "ab03")], None)
