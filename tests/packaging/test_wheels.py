"""Wheels are laid out as an installer would, and nothing that is not pinned gets in."""

import re
from pathlib import Path

import pytest

from tests.packaging.made import wheel
from tests.packaging.scripts import wheels


def test_modules_and_metadata_are_laid_out(tmp_path: Path) -> None:
    wheels.unpack([wheel(tmp_path, "one"), wheel(tmp_path, "two")], tmp_path / "packages")
    assert sorted(path.name for path in (tmp_path / "packages").iterdir()) == [
        "one",
        "one-1.2.3.dist-info",
        "two",
        "two-1.2.3.dist-info",
    ]


def test_wheel_with_parts_for_elsewhere_is_refused(tmp_path: Path) -> None:
    odd = wheel(tmp_path, "odd", extra="odd-1.2.3.data/scripts/odd")
    with pytest.raises(ValueError, match="do not belong among packages"):
        wheels.unpack([odd], tmp_path / "packages")


def test_time_of_a_build_can_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert wheels.source_date() == 1_700_000_000


@pytest.mark.parametrize("lock", [wheels.LOCK, wheels.PIP_LOCK])
def test_every_requirement_is_pinned_and_hashed(lock: Path) -> None:
    entries = re.split(r"\n(?=[a-z])", "\n" + lock.read_text().partition("#")[0] + lock.read_text())
    pinned = [entry for entry in entries if re.match(r"[a-z0-9-]+==", entry.strip())]
    assert pinned
    assert [entry for entry in pinned if "--hash=sha256:" not in entry] == []
