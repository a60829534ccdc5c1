"""The archive: the same bytes from the same files, one folder at its top, and a script that can be run."""

import tarfile
from pathlib import Path

from tests.packaging.scripts import SCRIPTS, bundle

FILES = {"wheels/b.whl": b"b", "install.sh": b"#!/bin/sh\n", "wheels/a.whl": b"a"}


def test_two_archives_of_the_same_files_are_the_same_bytes(tmp_path: Path) -> None:
    for name, files in (("one", FILES), ("two", dict(reversed(FILES.items())))):
        bundle.pack(tmp_path / name, files, top="nameplated-1", at_s=1_700_000_000)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_everything_is_below_one_folder_and_roots_and_only_scripts_run(tmp_path: Path) -> None:
    bundle.pack(tmp_path / "one", FILES, top="nameplated-1", at_s=1)
    with tarfile.open(tmp_path / "one") as archive:
        entries = {entry.name: entry for entry in archive}
    assert list(entries) == ["nameplated-1/install.sh", "nameplated-1/wheels/a.whl", "nameplated-1/wheels/b.whl"]
    assert {(entry.uid, entry.gid) for entry in entries.values()} == {(0, 0)}
    assert [name for name, entry in entries.items() if entry.mode == 0o755] == ["nameplated-1/install.sh"]


def test_every_file_that_it_promises_is_there() -> None:
    assert [name for name in bundle.FILES if not (bundle.ROOT / name).is_file()] == []


def test_what_is_installed_can_be_read_by_the_two_users_whatever_the_umask_was() -> None:
    text = (SCRIPTS / "install.sh").read_text()
    assert text.index("\numask 022\n") < text.index("\nmkdir -p")
    assert "runuser -u nameplated-ot --" in text


def test_the_new_environment_is_complete_and_on_the_disk_before_one_rename_puts_it_in_place() -> None:
    text = (SCRIPTS / "install.sh").read_text()
    steps = ["compileall", "runuser", "\nsync\n", 'ln -s "${NEW##*/}"', "\nmv -fT ", 'rm -rf "$old"']
    places = [text.index(step) for step in steps]
    assert places == sorted(places)


def test_page_that_the_units_point_to_is_in_the_bundle() -> None:
    units = "".join(path.read_text() for path in (bundle.ROOT / "systemd").glob("*.service"))
    assert "Documentation=file:///usr/share/doc/nameplated/operations.md" in units
    assert "docs/operations.md" in bundle.FILES
    assert "DOC=/usr/share/doc/nameplated\n" in (SCRIPTS / "install.sh").read_text()
