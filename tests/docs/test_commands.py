"""Every command of every page: run where it can be, and otherwise at least something that our programs understand."""

import argparse
import contextlib
import re
import shutil
import subprocess
from functools import partial

import pytest

from agent.cli import _parser as gateway_parser
from devtools.blocks import Block, blocks, calls
from devtools.lab import available
from devtools.page import ROOT
from devtools.screens import pages, walked
from isms.cli import _parser as receiver_parser
from tests.architecture.sources import project_files

PAGES = [name for name in project_files() if name.endswith(".md")]
BLOCKS = [(name, block) for name in PAGES for block in blocks((ROOT / name).read_text("utf-8"))]
SCRIPTS = [(name, block, script) for name, block in BLOCKS for script in block.commands]
CALLS = sorted({call for _name, _block, script in SCRIPTS for call in calls(script)})
TOOLS = ("unshare", "ip")
OF_A_BROKER = ("mosquitto", "mosquitto_pub", "ss", "openssl")

place = partial("{0}:{1.line}".format)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("page", pages())
def test_every_command_of_a_page_works_and_every_screen_is_todays(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    need(*TOOLS, *(OF_A_BROKER if "systemctl restart mosquitto" in text else ()))
    if (
        walked(page) != text
    ):  # a busy machine may show a moment that is as true as the page's: a page is wrong if it is never right
        assert walked(page) == text, f"run: python -m devtools.screens {page}"


def need(*tools: str) -> None:
    """Skip where the lab, or a program in it, is missing."""
    missing = [tool for tool in tools if shutil.which(tool, path="/usr/sbin:/sbin:/usr/bin:/bin") is None]
    if missing or not available():
        pytest.skip(f"no lab on this machine: {', '.join(missing) or 'no namespaces'}")


@pytest.mark.parametrize(("name", "block", "script"), SCRIPTS, ids=[place(name, block) for name, block, _script in SCRIPTS])
def test_every_script_is_one_that_a_shell_understands(name: str, block: Block, script: str) -> None:
    parsed = subprocess.run(["bash", "-n", "-c", script], capture_output=True, text=True, check=False)
    assert parsed.stderr == ""


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_every_subcommand_and_every_option_exists(call: tuple[str, ...]) -> None:
    words = call[1:]
    parser: argparse.ArgumentParser = gateway_parser(words) if call[0] == "nameplated" else receiver_parser()
    understood: argparse.Namespace | None = None
    with contextlib.suppress(SystemExit):  # argparse has told on standard error what is wrong
        understood = parser.parse_args(words)
    assert understood is not None


def test_what_is_not_run_says_why() -> None:
    wordless = [place(name, block) for name, block in BLOCKS if block.remark.startswith("no-run") and not block.reason]
    assert wordless == []


def test_no_command_hides_in_a_block_that_is_only_shown() -> None:
    hidden = [
        place(name, block)
        for name, block in BLOCKS
        if block.language in ("", "text")
        and re.search(r"^(sudo .*|\$ )?(nameplated(-isms)?|make|python) [a-z-]+( |$)", block.text, re.MULTILINE)
    ]
    assert hidden == []


@pytest.mark.parametrize("page", PAGES)
def test_every_fence_belongs_to_a_block(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    assert len(re.findall(r"^ *```", text, re.MULTILINE)) == 2 * len(blocks(text))


def test_the_pages_for_people_are_among_those_that_are_run() -> None:
    assert {"docs/start.md", "docs/modbus.md", "docs/serial.md", "docs/broker.md", "docs/isms.md"} <= set(pages())
