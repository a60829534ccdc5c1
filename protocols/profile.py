"""Profiles: those that come with the program, and those that a site adds. Only sound ones are handed out.

Decides where profiles come from and which of two with one name counts. Must never hand out a profile that is not sound
(`protocols.profile_rules`), nor let one bad file of a site take the others with it. Reads files in `load_dir` and `load_file`
only.
"""

import tomllib
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from protocols.profile_form import Profile
from protocols.profile_rules import problems

SHIPPED = Path(__file__).parent / "profiles"
MAX_FILE_BYTES = 65_536
MAX_FILES = 500


class ProfileError(Exception):
    """A profile cannot be used.

    Attributes:
        problems: One sentence each.
    """

    def __init__(self, name: str, problems: tuple[str, ...]) -> None:
        super().__init__(f"profile {name!r}: " + "; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Loaded:
    """The profiles of a folder.

    Attributes:
        profiles: Those that can be used, by id.
        problems: File name to the reasons why it was passed over.
    """

    profiles: Mapping[str, Profile]
    problems: Mapping[str, tuple[str, ...]]


def parse(name: str, text: str) -> Profile:
    """Return the profile that a TOML document describes.

    Args:
        name: For the error: a file name.
        text: The document.

    Raises:
        ProfileError: It cannot be used; all problems of its content are listed at once.
    """
    try:
        profile = msgspec.convert(tomllib.loads(text), Profile)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise ProfileError(name, (str(error),)) from error
    if found := tuple(problems(profile)):
        raise ProfileError(name, found)
    return profile


class Bundled(Mapping[str, Profile]):
    """The profiles that come with the program, by id; each is read when it is first asked for.

    A gateway names two or three of them. Reading all would cost it a tenth of its start-up time.
    """

    def __init__(self, folder: Path) -> None:
        self._files = {file.stem: file for file in sorted(folder.glob("*.toml"))}
        self._read: dict[str, Profile] = {}

    def __getitem__(self, name: str) -> Profile:
        """Return one profile.

        Raises:
            KeyError: There is none of this name.
            ProfileError: It cannot be used: the installation is damaged.
        """
        if name not in self._read:
            self._read[name] = load_file(self._files[name])
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        return name in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


@cache
def bundled() -> Mapping[str, Profile]:
    """Return the profiles that come with the program, by id."""
    return Bundled(SHIPPED)


def load_dir(folder: Path) -> Loaded:
    """Read a site's own profiles beside those that come with the program.

    A file that cannot be used is named and passed over; all others still work, and so does the gateway. A name that comes with
    the program keeps its meaning: evidence says `wago-750@1` and must mean one thing. A folder that is not there is an empty one.

    Args:
        folder: Such as /etc/nameplated/profiles.
    """
    added, passed_over = dict[str, Profile](), dict[str, tuple[str, ...]]()
    for file in _files_of(folder):
        try:
            profile = load_site_file(file)
        except ProfileError as error:
            passed_over[file.name] = error.problems
        else:
            added[profile.id] = profile
    return Loaded(ChainMap(added, bundled()), passed_over)  # type: ignore[arg-type]  # nothing is ever written into the second


def check(path: Path) -> Mapping[str, tuple[str, ...]]:
    """Return for a file, or for each file of a folder, why it cannot be used: nothing for one that can."""
    found: dict[str, tuple[str, ...]] = {}
    for file in _files_of(path) if path.is_dir() else [path]:
        try:
            load_site_file(file)
        except ProfileError as error:
            found[file.name] = error.problems
        else:
            found[file.name] = ()
    return found


def load_site_file(file: Path) -> Profile:
    """Read one profile of a site, which must not bear a name that comes with the program.

    Raises:
        ProfileError: It cannot be read or used, and every reason.
    """
    profile = load_file(file)
    if profile.id in bundled():
        raise ProfileError(file.name, (f"{profile.id} comes with the program; choose another name",))
    return profile


def load_file(file: Path) -> Profile:
    """Read one profile.

    Raises:
        ProfileError: It cannot be read or used, and every reason.
    """
    try:
        if file.exists() and not file.is_file():  # to open a pipe would wait for ever
            raise ProfileError(file.name, ("is no file",))
        with file.open("rb") as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise ProfileError(file.name, (f"larger than {MAX_FILE_BYTES} bytes",))
        profile = parse(file.name, content.decode("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(file.name, (f"cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8 text'}",)) from error
    if profile.id != file.stem:
        raise ProfileError(file.name, (f"its id is {profile.id!r}; file and id have the same name",))
    return profile


def _files_of(folder: Path) -> list[Path]:
    """Return the profiles of a folder; a folder with too many is not one of profiles."""
    return sorted(folder.glob("*.toml"))[:MAX_FILES] if folder.is_dir() else []
