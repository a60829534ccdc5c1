"""One archive for a gateway that is not Debian: wheels for both architectures and every Python we support, and `install.sh`.

Decides what is in it. Two builds of one commit give the same bytes.

    python packaging/bundle.py        -> dist/nameplated-VERSION-bundle.tar.gz
"""

import gzip
import io
import sys
import tarfile
import tempfile
from pathlib import Path

import sbom
import wheels

ROOT = wheels.ROOT
FILES = ("LICENSE", "CHANGELOG.md", "docs/install.md", "docs/operations.md", "requirements.lock", "packaging/install.sh")
FOLDERS = ("systemd", "config/plants")


def main() -> int:
    """Build the bundle."""
    dist = ROOT / "dist"
    dist.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        own = wheels.own_wheel(Path(folder))
        name = f"nameplated-{wheels.version_of(own)}"
        target = dist / f"{name}-bundle.tar.gz"
        pack(target, contents(own), top=name, at_s=wheels.source_date())
    sys.stdout.write(f"{target.relative_to(ROOT)}  {target.stat().st_size / 1e6:.1f} MB\n")
    return 0


def contents(own: Path) -> dict[str, bytes]:
    """Return everything that goes in, by its name below the top folder."""
    sets = [wheels.locked_wheels(architecture, python) for architecture in wheels.ARCHITECTURES for python in wheels.PYTHONS]
    foreign = {wheel.name: wheel for one in sets for wheel in one}
    parts = [own, wheels.pip_wheel(), *(foreign[name] for name in sorted(foreign))]
    found = {f"wheels/{wheel.name}": wheel.read_bytes() for wheel in parts}
    for source in [*(ROOT / file for file in FILES), *(path for folder in FOLDERS for path in (ROOT / folder).glob("*"))]:
        if source.is_file():
            place = (
                source.name
                if source.parent.name != "systemd" and source.suffix != ".toml"
                else f"{source.parent.name}/{source.name}"
            )
            found[place] = source.read_bytes()
    found["sbom.cdx.json"] = sbom.document(parts, at_s=wheels.source_date()).encode()
    return found


def pack(target: Path, files: dict[str, bytes], *, top: str, at_s: int) -> None:
    """Write a compressed archive whose bytes depend on nothing but its arguments."""
    with (
        target.open("wb") as raw,
        gzip.GzipFile("", "wb", mtime=at_s, fileobj=raw) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(f"{top}/{name}")
            entry.size, entry.mtime = len(content), at_s
            entry.mode = 0o755 if name.endswith(".sh") else 0o644
            archive.addfile(entry, io.BytesIO(content))


if __name__ == "__main__":
    sys.exit(main())
