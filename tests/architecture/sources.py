"""The files of this project, as git sees them, and its modules as syntax trees. Shared by the architecture tests."""

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("agent", "protocols", "buffer", "config", "evidence", "inventory", "isms")
BINARY = {".db", ".der", ".gz", ".pcap", ".pcapng", ".png", ".bin"}


@cache
def project_files() -> tuple[str, ...]:
    """Every file that is tracked or would be, relative to the root."""
    listing = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, check=True, capture_output=True).stdout.decode().split("\0")  # git, by name
    return tuple(sorted(name for name in set(names) if name and (ROOT / name).is_file()))


def texts() -> list[tuple[str, str]]:
    """Name and content of every text file of the project."""
    names = [name for name in project_files() if Path(name).suffix not in BINARY]
    return [(name, (ROOT / name).read_text(encoding="utf-8", errors="replace")) for name in names]


@cache
def modules(*tops: str) -> tuple[tuple[str, str, ast.Module], ...]:
    """Name, source and syntax tree of every Python file below some top folders."""
    names = [name for name in project_files() if name.endswith(".py") and name.partition("/")[0] in tops]
    sources = [(name, (ROOT / name).read_text(encoding="utf-8")) for name in names]
    return tuple((name, source, ast.parse(source, name)) for name, source in sources)
