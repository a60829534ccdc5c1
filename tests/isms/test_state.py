"""The receiver's directory: private, and for one receiver at a time."""

from pathlib import Path

import pytest

from evidence.keys import load_public
from isms.state import State, StateBusyError


def test_making_a_key_makes_the_directory_and_the_public_half(tmp_path: Path) -> None:
    state = State(tmp_path / "a" / "isms")
    signer = state.create_key()
    assert state.directory.stat().st_mode & 0o777 == 0o700
    assert state.private_key.stat().st_mode & 0o777 == 0o600
    assert load_public(state.public_key).kid == signer.kid == state.load_key().kid


def test_the_lock_is_held_once_and_let_go(tmp_path: Path) -> None:
    state = State(tmp_path)
    with state.lock(), pytest.raises(StateBusyError), state.lock():
        pass
    with state.lock():
        pass
