"""Blocks of a page: what is run, what is shown, and what stands between fences stays where it was."""

from hypothesis import given
from hypothesis import strategies as st

from devtools.blocks import blocks, calls, renewed, screens, shown

LINES = st.text(
    st.characters(exclude_characters="`\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029", exclude_categories=["Cs"]), max_size=30
)


def test_a_script_runs_and_a_plant_file_is_only_shown() -> None:
    script, file = blocks("a\n\n```sh\ntrue\n```\n\n```toml\nid = 1\n```\n")
    assert script.runs and script.commands == ("true\n",)
    assert not file.runs and file.commands == ()


def test_a_script_that_is_not_run_says_why() -> None:
    (block,) = blocks("```sh no-run: needs root\nreboot\n```\n")
    assert not block.runs and block.reason == "needs root" and block.commands == ("reboot\n",)


def test_a_screen_gives_its_commands_one_by_one() -> None:
    (block,) = blocks("```console until=(yes.*){2}\n$ a \\\n  b\nout\n$ c\n```\n")
    assert block.commands == ("a \\\n  b", "c") and block.until == "(yes.*){2}"


def test_a_new_screen_goes_into_its_own_block_and_keeps_the_indent_of_a_list() -> None:
    page = "1. Look:\n\n   ```console\n   $ a\n   old\n   ```\n\n```console\n$ a\nold\n```\n"
    first, second = blocks(page)
    assert first.text == second.text == "$ a\nold\n"
    after = renewed(page, {first.line: "$ a\nnew\n\nmore\n"})
    assert after == page.replace("   old\n", "   new\n\n   more\n")


def test_calls_are_found_behind_sudo_pipes_and_in_lists_and_not_as_arguments() -> None:
    script = "sudo -u x nameplated key init && nameplated-isms trust list --state D | head\nwhich nameplated; ls /opt/nameplated"
    assert calls(script) == [("nameplated", "key", "init"), ("nameplated-isms", "trust", "list", "--state", "D")]


@given(
    st.lists(
        st.tuples(
            LINES.filter(lambda text: not text.endswith("\\")), st.lists(LINES.filter(lambda text: not text.startswith("$ ")))
        )
    )
)
def test_what_was_shown_is_read_back(taken: list[tuple[str, list[str]]]) -> None:
    screen = [(command, "".join(f"{line}\n" for line in lines)) for command, lines in taken]
    assert screens(shown(screen)) == screen
