"""The package: complete, root's, with two modes, and the same bytes whenever and by whomever it is built."""

import gzip
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.packaging.made import wheel
from tests.packaging.scripts import SCRIPTS, deb

AT_S = 1_700_000_000
needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="there is no dpkg-deb here")


def built(folder: Path, mode: int = 0o644) -> Path:
    folder.mkdir()
    parts = [wheel(folder, "nameplated"), wheel(folder, "other")]
    tree = folder / "tree"
    deb.lay_out(tree, parts)
    (tree / deb.DOC / "install.md").chmod(mode)
    package = folder / "package.deb"
    deb.pack(tree, package, architecture="arm64", version="1.2.3", at_s=AT_S)
    return package


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("deb") / "one")


def listing(package: Path) -> list[list[str]]:
    shown = subprocess.run(["dpkg-deb", "-c", str(package)], capture_output=True, text=True, check=True).stdout
    return [line.split() for line in shown.splitlines()]


@needs_dpkg
def test_two_builds_are_the_same_bytes_whatever_the_umask_was(package: Path, tmp_path: Path) -> None:
    assert built(tmp_path / "two", mode=0o600).read_bytes() == package.read_bytes()


@needs_dpkg
def test_everything_is_roots_and_has_one_of_two_modes(package: Path) -> None:
    files = listing(package)
    assert {fields[1] for fields in files} == {"root/root"}
    assert {fields[0] for fields in files} == {"drwxr-xr-x", "-rw-r--r--", "-rwxr-xr-x", "lrwxrwxrwx"}


@needs_dpkg
def test_environment_units_users_examples_and_bill_are_in_it(package: Path) -> None:
    names = {fields[5] for fields in listing(package)}
    assert {
        "./opt/nameplated/venv/bin/python",
        "./opt/nameplated/venv/pyvenv.cfg",
        "./opt/nameplated/venv/lib/python3.11/site-packages/other/__init__.py",
        "./usr/bin/nameplated",
        "./usr/lib/systemd/system/nameplated-collect.service",
        "./usr/lib/systemd/system/nameplated-publish.service",
        "./usr/lib/systemd/system/nameplated.target",
        "./usr/lib/sysusers.d/nameplated.conf",
        "./usr/lib/tmpfiles.d/nameplated.conf",
        "./usr/share/doc/nameplated/examples/mixed.toml",
        "./usr/share/doc/nameplated/copyright",
        "./usr/share/doc/nameplated/sbom.cdx.json",
    } <= names


@needs_dpkg
def test_nothing_of_the_plants_own_is_in_it(package: Path) -> None:
    assert [fields[5] for fields in listing(package) if fields[5].startswith(("./etc", "./var"))] == []


@needs_dpkg
def test_control_names_version_architecture_and_the_python_it_belongs_to(package: Path) -> None:
    shown = subprocess.run(["dpkg-deb", "-f", str(package)], capture_output=True, text=True, check=True).stdout
    assert "Version: 1.2.3\nArchitecture: arm64\n" in shown
    assert "Depends: python3.11," in shown


@needs_dpkg
def test_changelog_is_one_that_debians_tools_read(package: Path, tmp_path: Path) -> None:
    subprocess.run(["dpkg-deb", "-x", str(package), str(tmp_path)], check=True)
    listed = tmp_path / deb.DOC / "changelog"
    listed.write_bytes(gzip.decompress((tmp_path / deb.DOC / "changelog.gz").read_bytes()))
    command = ["dpkg-parsechangelog", "-l", str(listed), "-S", "Version"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (shown.stdout, shown.stderr) == ("1.2.3\n", "")
    assert "  * Plant files: one TOML file" in listed.read_text()


def test_installed_size_counts_the_bytecode_that_is_made_on_the_gateway(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_bytes(bytes(100_000))
    (tmp_path / "page.md").write_bytes(bytes(100_000))
    assert deb.installed_kib(tmp_path) == 98 + 98 + 112


@pytest.mark.parametrize("script", ["debian/postinst", "debian/prerm", "debian/postrm", "install.sh", "test-boot.sh"])
def test_scripts_are_posix_and_stop_at_the_first_failure(script: str) -> None:
    subprocess.run(["sh", "-n", str(SCRIPTS / script)], check=True)
    text = (SCRIPTS / script).read_text()
    assert text.startswith("#!/bin/sh\n")
    assert "\nset -e" in text or script == "test-boot.sh"


def test_removal_keeps_evidence_and_only_a_purge_takes_it() -> None:
    text = (SCRIPTS / "debian" / "postrm").read_text()
    (purge,) = [block for block in text.split("\nfi\n") if "/var/lib/nameplated" in block]
    assert 'if [ "$1" = purge ]; then' in purge
    assert "/var/lib/nameplated" not in (SCRIPTS / "debian" / "prerm").read_text()
