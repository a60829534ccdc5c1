"""The page for developers knows every package there is, and names no other."""

import re

from devtools.page import ROOT
from tests.architecture.sources import PACKAGES

PAGE = (ROOT / "docs/architecture.md").read_text("utf-8")


def packages() -> set[str]:
    inside = {f"agent.{file.parent.name}" for file in (ROOT / "agent").glob("*/__init__.py")}
    return inside | {*PACKAGES} - {"agent"}


def test_every_package_is_on_the_page() -> None:
    assert [name for name in sorted(packages()) if f"`{name}`" not in PAGE] == []


def test_every_module_that_the_page_names_exists() -> None:
    tops = "|".join(PACKAGES)
    named = set(re.findall(rf"`((?:{tops})(?:\.\w+)*)`", PAGE))
    missing = [name for name in sorted(named) if not _exists(name)]
    assert named and missing == []


def _exists(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").is_file()
