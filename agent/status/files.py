"""Where a role leaves word of how it is, and where a person finds it.

Decides the place: the folder in memory that systemd made for the role, so that flash does not wear, or the role's own folder where
there is no systemd. Must never be waited for: a role that cannot leave word does its work. What is read back was written by another
user, so it is bounded and strictly decoded; whatever is wrong with it, there is no word.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from agent.core.decoding import UnreadableError, decoded
from agent.core.status import Word
from agent.core.vitals import Sign

RUN_DIR = Path("/run/nameplated")
"""Where the folders of `RuntimeDirectory=` are."""

NAME = "status.json"
MAX_BYTES = 4 * 1024 * 1024
_Told = TypeVar("_Told", Word, Sign)

_MODE = 0o640  # operators are of the same group


def place(role: str, state_dir: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """Return where a role writes."""
    made = [Path(folder) for folder in environment.get("RUNTIME_DIRECTORY", "").split(":") if folder]
    return next((folder for folder in made if folder.name == role), state_dir / role) / NAME


def write(path: Path, word: Word) -> None:
    """Put a role's word in the place of its last one. Not durable on purpose: after a power cut it would be untrue.

    Raises:
        OSError: It could not be written.
    """
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW, _MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), _MODE)
            file.write(msgspec.json.encode(word))
        new.rename(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def read(role: str, state_dir: Path | None, *, run_dir: Path | None = None) -> Word | None:
    """Return the word that a role of this gateway left last, or None if there is none to believe.

    Args:
        role: Which.
        state_dir: Which gateway of this machine; None where that is not known: the one that systemd runs.
        run_dir: Where systemd makes the folders; None: as it told this process, or else where it always does.
    """
    return _newest(Word, role, state_dir, run_dir)


def read_sign(role: str, state_dir: Path, *, run_dir: Path | None = None) -> Sign | None:
    """Return whether a role lives, as it told last; the same word as `read` does, without what it takes to hold all of it."""
    return _newest(Sign, role, state_dir, run_dir)


def _newest(kind: type[_Told], role: str, state_dir: Path | None, run_dir: Path | None) -> _Told | None:
    found = [_read(folder / role / NAME, kind) for folder in (run_dir or _run_dir(), state_dir) if folder]
    ours = [word for word in found if word and word.role == role and _is_of(word, state_dir)]
    return max(ours, key=lambda word: word.moment.at_s, default=None)


def _run_dir(environment: Mapping[str, str] = os.environ) -> Path:
    own = environment.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return Path(own).parent if own else RUN_DIR


def _is_of(word: Word | Sign, state_dir: Path | None) -> bool:
    """Tell whether a word is of one gateway; a role that could not read its plant file does not know of which it was."""
    return state_dir is None or not word.state_dir or Path(word.state_dir) == state_dir


def _read(path: Path, kind: type[_Told]) -> _Told | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return None
            return decoded(file.read(MAX_BYTES), kind)
    except (OSError, UnreadableError):
        return None
