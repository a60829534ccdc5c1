"""The pages tell the truth where a machine can check it: links lead somewhere, and commands exist."""

import re
import subprocess
import sys

import pytest

from tests.architecture.sources import ROOT, project_files

PAGES = {name: (ROOT / name).read_text(encoding="utf-8") for name in project_files() if name.endswith(".md")}
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
COMMAND = re.compile(r"\bnameplated(-isms)? ((?:[a-z]+(?![\w./:-]) ?){1,2})")
MODULES = {"": "agent", "-isms": "isms"}

COMMANDS = sorted(
    {
        (MODULES[program], words.strip())
        for text in PAGES.values()
        for code in CODE.findall(text)
        for program, words in COMMAND.findall(code)
    }
)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", PAGES[page])
    assert [target for target in targets if not ((ROOT / page).parent / target).exists()] == []


def test_the_pages_name_commands_of_both_programs() -> None:
    assert {("agent", "collect"), ("agent", "key init"), ("isms", "receive")} <= set(COMMANDS)


@pytest.mark.parametrize(("program", "words"), COMMANDS)
def test_every_command_that_a_page_names_exists(program: str, words: str) -> None:
    command = [sys.executable, "-I", "-m", program, *words.split(), "--help"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert result.returncode == 0, result.stderr
    assert words.rsplit(maxsplit=1)[-1] in result.stdout
