"""The site: made of every page, without a warning, and readable from a stick in a plant without any network."""

import subprocess
import sys
from pathlib import Path

import pytest

from devtools.page import ROOT
from devtools.selfcontained import main

GENERATOR = ROOT / ".venv-docs/bin/python"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not GENERATOR.exists():
        pytest.skip("the site's generator is not installed: `make docs` does that")
    folder = tmp_path_factory.mktemp("site")
    words = ["--fail-on-warning", "--keep-going", "--nitpicky", "--quiet", "--doctree-dir", str(folder / "trees")]
    made = subprocess.run(
        [GENERATOR, "-m", "sphinx", *words, "docs", str(folder / "site")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    return folder / "site"


def test_every_page_is_in_the_site(site: Path) -> None:
    pages = {page.relative_to(ROOT / "docs").with_suffix(".html") for page in (ROOT / "docs").rglob("*.md")}
    assert pages <= {page.relative_to(site) for page in site.rglob("*.html")}


def test_every_page_can_be_reached_from_the_contents(site: Path) -> None:
    contents = (site / "index.html").read_text("utf-8")
    pages = [page.stem for page in (ROOT / "docs").glob("*.md") if page.stem != "index"]
    assert [page for page in pages if f'href="{page}.html"' not in contents] == []


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    assert main(site) == 0


def test_the_check_of_the_site_runs_by_itself_as_make_docs_runs_it(site: Path) -> None:
    assert subprocess.run([sys.executable, "-I", "-B", ROOT / "devtools/selfcontained.py", site], check=False).returncode == 0
