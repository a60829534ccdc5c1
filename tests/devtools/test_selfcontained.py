"""A site for a plant loads nothing from elsewhere; what a person may follow is left alone."""

from pathlib import Path

import pytest

from devtools.page import ROOT
from devtools.selfcontained import loads, main


@pytest.mark.parametrize(
    "page",
    [
        '<script src="https://cdn.example/x.js"></script>',
        '<link rel="stylesheet" href="//fonts.example/css">',
        '<img src="http://pictures.example/a.png">',
        "<style>@import 'https://fonts.example/css';</style>",
        "@font-face { src: url(https://fonts.example/a.woff2) }",
        '<svg><image xlink:href="https://pictures.example/a.png"/></svg>',
    ],
)
def test_what_is_loaded_from_elsewhere_is_found(page: str) -> None:
    assert len(loads(page)) == 1


@pytest.mark.parametrize(
    "page",
    [
        '<a href="https://example.org">',
        '<script src="_static/x.js"></script>',
        '<svg xmlns="http://www.w3.org/2000/svg">',
        "url(#tip)",
    ],
)
def test_links_and_own_files_are_none(page: str) -> None:
    assert loads(page) == []


def test_a_folder_without_a_site_is_not_taken_for_a_good_one(tmp_path: Path) -> None:
    assert main(tmp_path) == 1


def test_no_picture_of_ours_loads_anything() -> None:
    assert [file.name for file in (ROOT / "docs/pictures").iterdir() if loads(file.read_text("utf-8"))] == []
