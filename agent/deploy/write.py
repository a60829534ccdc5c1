"""Drop-ins on paper or on disk.

Decides how a file is put in the place of another one: by a rename, so that systemd reads the old one or the new one; and says what a
person does next. Never
reloads systemd and never restarts a unit: a person does.
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from agent.deploy.dropin import UNIT_DIR, DropIn, drop_ins, folders, host_names, needs_restart, serial_ports, warnings
from agent.deploy.lookup import look_up
from config.load import load

RESTART = "next: systemctl daemon-reload && systemctl restart nameplated.target"
RELOAD = "next: systemctl daemon-reload && systemctl reload nameplated-collect nameplated-publish"
"""Enough where addresses and devices alone are others: the kernel has them as soon as systemd has read them."""


def run(config: Path, directory: Path | None) -> int:
    """Make the drop-ins of a plant file; print them, or write them below a directory of units.

    Raises:
        ConfigError: The plant file cannot be used.
        OSError: They cannot be written there.
    """
    plant = load(config)
    lookup = look_up(host_names(plant), serial_ports(plant))
    files = drop_ins(plant, lookup)
    sys.stderr.writelines(f"note: {warning}\n" for warning in warnings(plant, lookup))
    if directory is None:
        sys.stdout.write(shown(files))
    else:
        restart = any(needs_restart(_text(directory / file.place), file.text) for file in files)
        sys.stdout.writelines(f"{path}\n" for path in write(files, directory))
        sys.stdout.writelines(f"next: {command}\n" for command in folders(plant))
        sys.stdout.write(f"{RESTART if restart else RELOAD}\n")
    return 0


def shown(files: Iterable[DropIn]) -> str:
    """Lay the files out one after the other, each below its name, as `systemctl cat` does."""
    return "\n".join(f"# {UNIT_DIR / file.place}\n{file.text}" for file in files)


def write(files: Iterable[DropIn], directory: Path) -> list[Path]:
    """Write each file durably; return where they are.

    Raises:
        OSError: One could not be written; what stood there stands.
    """
    return [_write(directory / file.place, file.text) for file in files]


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    new = path.with_suffix(".new")  # systemd reads *.conf alone
    with new.open("w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o644)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return new.rename(path)
