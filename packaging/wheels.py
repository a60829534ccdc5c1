"""Wheels for a machine that is not this one: ours, built here, and those of the lock file, each with the hash that it promises.

Decides which platforms we deliver to. Never takes an unlocked or unhashed wheel, never builds a foreign source, and needs a
network only until the wheels are there: what is installed on a gateway is never fetched there.
"""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
PIP_LOCK = ROOT / "packaging" / "pip.lock"
CACHE = ROOT / "build" / "wheels"

ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}  # Debian's name to that of wheels
PYTHONS = ("3.11", "3.12", "3.13")
GLIBC = ("manylinux2014", "manylinux_2_17", "manylinux_2_28")  # of Debian 10 and later


def source_date() -> int:
    """Return the time that everything built here carries: that of the last commit, or SOURCE_DATE_EPOCH."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    return int(given or _output("git", "-C", str(ROOT), "log", "-1", "--format=%ct"))


def own_wheel(folder: Path) -> Path:
    """Build our own wheel from what stands here, without a network."""
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(source_date())}
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    (wheel,) = folder.glob("nameplated-*.whl")
    return wheel


def locked_wheels(architecture: str, python: str) -> list[Path]:
    """Return the wheels of the lock file for one platform; fetch them if they are not there yet."""
    folder = CACHE / f"{architecture}-{python}"
    complete = folder / ".complete"
    if not complete.exists() or complete.stat().st_mtime < LOCK.stat().st_mtime:
        _fetch(LOCK, folder, architecture, python)
        complete.touch()
    return sorted(folder.glob("*.whl"))


def pip_wheel() -> Path:
    """Return the wheel of the installer that the bundle brings with it."""
    folder = CACHE / "pip"
    if not list(folder.glob("*.whl")):
        _fetch(PIP_LOCK, folder, "amd64", "3.11")
    (wheel,) = folder.glob("*.whl")
    return wheel


def unpack(wheels: list[Path], folder: Path) -> None:
    """Lay wheels out in a folder of packages, as an installer would: without scripts, which carry a path of the builder.

    Raises:
        ValueError: A wheel has a part that does not belong among packages.
    """
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            if any(".data/" in name for name in archive.namelist()):
                raise ValueError(
                    f"{wheel.name} has parts that do not belong among packages; teach this function where to put them"
                )
            archive.extractall(folder)


def version_of(wheel: Path) -> str:
    """Return the version that a wheel's name carries.

    >>> version_of(Path("nameplated-0.1.0-py3-none-any.whl"))
    '0.1.0'
    """
    return wheel.name.split("-")[1]


def _fetch(lock: Path, folder: Path, architecture: str, python: str) -> None:
    """Let pip fetch binary wheels alone, and compare every hash."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.whl"):
        old.unlink()
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    command += ["--only-binary=:all:", "--implementation=cp", f"--python-version={python}", "--dest", str(folder)]
    command += [f"--abi={abi}" for abi in (f"cp{python.replace('.', '')}", "abi3", "none")]
    command += [f"--platform={glibc}_{ARCHITECTURES[architecture]}" for glibc in GLIBC]
    subprocess.run([*command, "--requirement", str(lock)], check=True)


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
