"""Do the units know this plant file? A drop-in that is missing or old lets a role reach nothing, or the wrong machines.

Decides by comparing texts. Never writes a unit: `nameplated units` does.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from agent.deploy.dropin import DropIn
from agent.doctor.finding import Finding, State

REMEDY = "Run `nameplated units --write /etc/systemd/system`, then what it says comes next."
MAX_BYTES = 4 * 1024 * 1024

_CREDENTIAL = re.compile(r"^LoadCredential(?:Encrypted)?=(?:([^:\s]+):(/\S+))?$", re.MULTILINE)


def installed(wanted: Iterable[DropIn], directory: Path) -> dict[str, str | None]:
    """Read what lies below a directory of units; None for what is not there or cannot be read."""
    return {drop_in.unit: _text(directory / drop_in.place) for drop_in in wanted}


def check(wanted: Iterable[DropIn], found: Mapping[str, str | None]) -> Finding:
    """Say whether the drop-ins that systemd has are those of the plant file.

    Args:
        wanted: What the plant file means now.
        found: Unit to the drop-in that is installed, or None.
    """
    wanted = tuple(wanted)
    missing = [drop_in.unit for drop_in in wanted if found.get(drop_in.unit) is None]
    old = [drop_in.unit for drop_in in wanted if found.get(drop_in.unit) not in (None, drop_in.text)]
    if missing:
        return Finding("units", State.BAD, f"no drop-in for {', '.join(missing)}: the unit can reach nothing", REMEDY)
    if old:
        return Finding("units", State.BAD, f"not made from this plant file, or addresses have changed: {', '.join(old)}", REMEDY)
    return Finding("units", State.OK, "the address lists are those of this plant file")


def credentials(unit: str, directory: Path) -> dict[str, Path]:
    """Return the files that systemd opens for a unit, as its drop-ins name them: name of the credential to its file."""
    found: dict[str, Path] = {}
    for file in sorted((directory / f"{unit}.d").glob("*.conf")):
        for match in _CREDENTIAL.finditer(_text(file) or ""):
            if match[1] is None:  # the empty word takes all back
                found.clear()
            else:
                found[match[1]] = Path(match[2])
    return found


def _text(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES).decode("utf-8", "replace")
    except OSError:
        return None
