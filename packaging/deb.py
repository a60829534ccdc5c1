"""The Debian package: a virtual environment that is complete before it travels, because gateways are offline.

Decides what lies where on a gateway. The package belongs to the Python of its Debian release (bookworm: 3.11). Two builds of one
commit give the same bytes: every time is the commit's, every owner is root, every mode is one of two.

    python packaging/deb.py amd64 arm64        -> dist/nameplated_VERSION_ARCHITECTURE.deb

Source: Debian Policy 4.6 chapters 4.4, 5, 6, 10 and 12.7; PEP 405; reproducible-builds.org, SOURCE_DATE_EPOCH.
"""

import gzip
import os
import shutil
import subprocess
import sys
import tempfile
from email.utils import formatdate
from pathlib import Path

import sbom
import wheels

ROOT = wheels.ROOT
SOURCES = ROOT / "packaging" / "debian"
PYTHON = "3.11"
VENV = Path("opt/nameplated/venv")
DOC = Path("usr/share/doc/nameplated")

BYTECODE_SHARE = 1.15
"""Bytes of bytecode for a byte of source: 21.1 MiB for 18.4, measured with Python 3.11."""

_UNITS = {
    "*.service": "systemd/system",
    "*.target": "systemd/system",
    "*.timer": "systemd/system",
    "*.sysusers": "sysusers.d",
    "*.tmpfiles": "tmpfiles.d",
}
_PYVENV = f"""\
home = /usr/bin
include-system-site-packages = false
version = {PYTHON}
"""
_COMMAND = """\
#!/bin/sh
exec /opt/nameplated/venv/bin/python -I -X no_debug_ranges -m agent "$@"
"""


def main(architectures: list[str]) -> int:
    """Build a package for each architecture."""
    dist = ROOT / "dist"
    dist.mkdir(exist_ok=True)
    for architecture in architectures:
        with tempfile.TemporaryDirectory() as folder:
            own = wheels.own_wheel(Path(folder))
            parts = [own, *wheels.locked_wheels(architecture, PYTHON)]
            tree = Path(folder, "tree")
            lay_out(tree, parts)
            package = dist / f"nameplated_{wheels.version_of(own)}_{architecture}.deb"
            pack(tree, package, architecture=architecture, version=wheels.version_of(own), at_s=wheels.source_date())
            sys.stdout.write(f"{package.relative_to(ROOT)}  {package.stat().st_size / 1e6:.1f} MB\n")
    return 0


def lay_out(tree: Path, parts: list[Path]) -> None:
    """Put everything in its place below a folder that becomes the root of the package."""
    wheels.unpack(parts, tree / VENV / "lib" / f"python{PYTHON}" / "site-packages")
    (tree / VENV / "bin").mkdir(parents=True)
    (tree / VENV / "bin" / "python").symlink_to(f"/usr/bin/python{PYTHON}")
    (tree / VENV / "pyvenv.cfg").write_text(_PYVENV)
    command = tree / "usr/bin/nameplated"
    command.parent.mkdir(parents=True)
    command.write_text(_COMMAND)
    command.chmod(0o755)
    for pattern, place in _UNITS.items():
        for source in (ROOT / "systemd").glob(pattern):
            _copy(source, tree / "usr/lib" / place / (f"{source.stem}.conf" if place.endswith(".d") else source.name))
    for source in sorted((ROOT / "config" / "plants").glob("*.toml")):
        _copy(source, tree / DOC / "examples" / source.name)
    for page in ("docs/install.md", "docs/operations.md", "CHANGELOG.md"):
        _copy(ROOT / page, tree / DOC / Path(page).name)
    _copy(ROOT / "LICENSE", tree / DOC / "copyright")
    at_s, version = wheels.source_date(), wheels.version_of(parts[0])
    listed = changelog((ROOT / "CHANGELOG.md").read_text(), version, maintainer=_field("Maintainer"), at_s=at_s)
    (tree / DOC / "changelog.gz").write_bytes(gzip.compress(listed.encode(), mtime=at_s))
    (tree / DOC / "sbom.cdx.json").write_text(sbom.document(parts, at_s=at_s))


def pack(tree: Path, package: Path, *, architecture: str, version: str, at_s: int) -> None:
    """Make a package of a tree: control files in, modes and times settled, one thread so that its number does not show."""
    control = tree / "DEBIAN"
    control.mkdir()
    fields = (SOURCES / "control.in").read_text()
    (control / "control").write_text(fields.format(version=version, architecture=architecture, installed_kib=installed_kib(tree)))
    for script in ("postinst", "prerm", "postrm"):
        _copy(SOURCES / script, control / script)
        (control / script).chmod(0o755)
    _settle(tree, at_s)
    command = ["dpkg-deb", "--root-owner-group", "-Zxz", "--threads-max=1", "--build", str(tree), str(package)]
    subprocess.run(command, check=True, env=os.environ | {"SOURCE_DATE_EPOCH": str(at_s)}, stdout=subprocess.DEVNULL)


def installed_kib(tree: Path) -> int:
    """Return what the package takes on a disk, in KiB: its files and folders, and the bytecode that is made when it is installed."""
    paths = [path for path in tree.rglob("*") if "DEBIAN" not in path.parts]
    files = {path: path.lstat().st_size for path in paths if not path.is_symlink() and path.is_file()}
    sources = sum(size for path, size in files.items() if path.suffix == ".py")
    return sum(-(-size // 1024) for size in files.values()) + len(paths) - len(files) + int(sources * BYTECODE_SHARE) // 1024


def changelog(markdown: str, version: str, *, maintainer: str, at_s: int) -> str:
    r"""Return the changelog as Debian's tools read it: one entry for this version, of what the newest section lists.

    >>> print(changelog("## [Unreleased]\n\n### Added\n\n- a\n  b\n", "1.0", maintainer="N <n@x>", at_s=0))
    nameplated (1.0) stable; urgency=medium
    <BLANKLINE>
      [ Added ]
      * a
        b
    <BLANKLINE>
     -- N <n@x>  Thu, 01 Jan 1970 00:00:00 +0000
    <BLANKLINE>
    """
    newest = markdown.split("\n## [")[1 if not markdown.startswith("## [") else 0]
    lines = [_listed(line) for line in newest.splitlines()[1:] if line.strip()]
    listed, signed_at = "\n".join(lines), formatdate(at_s).replace("-0000", "+0000")
    return f"nameplated ({version}) stable; urgency=medium\n\n{listed}\n\n -- {maintainer}  {signed_at}\n"


def _listed(line: str) -> str:
    if line.startswith("### "):
        return f"  [ {line[4:]} ]"
    return f"  * {line[2:]}" if line.startswith("- ") else f"    {line.strip()}"


def _field(name: str) -> str:
    (value,) = [
        line.partition(": ")[2] for line in (SOURCES / "control.in").read_text().splitlines() if line.startswith(f"{name}:")
    ]
    return value


def _settle(tree: Path, at_s: int) -> None:
    """Give every file one of two modes, and the one time."""
    for path in [tree, *tree.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        os.utime(path, (at_s, at_s), follow_symlinks=False)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or list(wheels.ARCHITECTURES)))
