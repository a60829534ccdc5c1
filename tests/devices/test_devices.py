"""Every recorded device is recognised today as it was then, with the same questions."""

from pathlib import Path

import msgspec
import pytest

from agent.record.recording import FORM, Recording, recording, replay
from protocols.profile import bundled

FILES = sorted(Path(__file__).parent.glob("*.json"))


def read(file: Path) -> Recording:
    return msgspec.json.decode(file.read_bytes(), type=Recording)


def test_there_are_recordings() -> None:
    assert FILES


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_recorded_device_is_recognised_as_it_was(file: Path) -> None:
    then = read(file)
    profile = bundled()[then.profile] if then.profile else None
    again = recording(then.exchanges, profile, transport=then.transport, day=then.recorded_on, redacted=then.redacted)
    assert again == then and then.form == FORM
    assert replay(then.exchanges, profile)[1] == len(then.exchanges)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_recording_names_no_serial_number_that_is_not_disguised(file: Path) -> None:
    then = read(file)
    named = [then.nameplate, *then.children.values()]
    assert sum("serial_number" in plate for plate in named) <= sum("serial_number" in word for word in then.redacted)
