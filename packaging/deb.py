"""The Debian package: a virtual environment that is complete before it travels, because gateways are offline.

Decides what lies where on a gateway. The package belongs to the Python of its Debian release (bookworm: 3.11). Two builds of one
commit give the same bytes: every time is the commit's, every owner is root, every mode is one of two.

    python packaging/deb.py amd64 arm64        -> dist/nameplated_VERSION_ARCHITECTURE.deb

Source: Debian Policy 4.6 chapters 5, 6 and 10; PEP 405; reproducible-builds.org, SOURCE_DATE_EPOCH.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import sbom
import wheels

ROOT = wheels.ROOT
SOURCES = ROOT / "packaging" / "debian"
PYTHON = "3.11"
VENV = Path("opt/nameplated/venv")
DOC = Path("usr/share/doc/nameplated")

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
    (tree / DOC / "sbom.cdx.json").write_text(sbom.document(parts, at_s=wheels.source_date()))


def pack(tree: Path, package: Path, *, architecture: str, version: str, at_s: int) -> None:
    """Make a package of a tree: control files in, modes and times settled, one thread so that its number does not show."""
    control = tree / "DEBIAN"
    control.mkdir()
    size = sum(path.lstat().st_size for path in tree.rglob("*") if path.is_file()) // 1024
    fields = (SOURCES / "control.in").read_text()
    (control / "control").write_text(fields.format(version=version, architecture=architecture, installed_kib=size))
    for script in ("postinst", "prerm", "postrm"):
        _copy(SOURCES / script, control / script)
        (control / script).chmod(0o755)
    _settle(tree, at_s)
    command = ["dpkg-deb", "--root-owner-group", "-Zxz", "--threads-max=1", "--build", str(tree), str(package)]
    subprocess.run(command, check=True, env=os.environ | {"SOURCE_DATE_EPOCH": str(at_s)}, stdout=subprocess.DEVNULL)


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
