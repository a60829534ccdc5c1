"""A page is walked as a reader would walk it, and a page that is not true is found out."""

from pathlib import Path

import pytest

from devtools.lab import available, open_lab
from devtools.screens import UntrueError, main, walked

pytestmark = pytest.mark.skipif(not available(), reason="no lab on this machine: no namespaces")


def page(folder: Path, text: str) -> str:
    file = folder / "page.md"
    file.write_text(text, "utf-8")
    return str(file)


def test_a_true_page_stays_as_it_is(tmp_path: Path) -> None:
    text = "# A\n\n```sh\necho here > file\n```\n\n```console\n$ cat file\nhere\n$ true\n```\n"
    assert walked(page(tmp_path, text)) == text


def test_a_screen_that_is_not_todays_is_taken_anew_and_compared(tmp_path: Path) -> None:
    name = page(tmp_path, "```console\n$ echo new\nold\n```\n")
    assert walked(name) == "```console\n$ echo new\nnew\n```\n"
    assert main(["--check", name]) == 1
    assert main([name]) == 0
    assert main(["--check", name]) == 0


def test_a_key_that_is_another_one_each_time_does_not_change_the_page(tmp_path: Path) -> None:
    text = f"```console\n$ echo key id: {'b' * 42}$((RANDOM % 10))\nkey id: {'a' * 43}\n```\n"
    assert walked(page(tmp_path, text)) == text


@pytest.mark.parametrize("script", ["false", "false | cat", "echo $unknown", "nameplated nonsense"])
def test_a_script_that_ends_badly_is_named_with_its_line(tmp_path: Path, script: str) -> None:
    with pytest.raises(UntrueError, match=r"page\.md:4: ended with"):
        walked(page(tmp_path, f"# A\n\n```sh\n{script}\n```\n"))


def test_a_screen_is_waited_for(tmp_path: Path) -> None:
    text = "```sh background\nsleep 1.2; echo done > file\n```\n\n```console until=done\n$ cat file 2>&1\ndone\n```\n"
    assert walked(page(tmp_path, text)) == text


def test_nothing_of_a_walk_reaches_this_machine(tmp_path: Path) -> None:
    text = (
        "```sh\necho x > /etc/nameplated/left-behind\necho x > /var/lib/left-behind\n! ip route get 192.0.2.1 2>/dev/null\n```\n"
    )
    walked(page(tmp_path, text))
    assert not Path("/etc/nameplated/left-behind").exists() and not Path("/var/lib/left-behind").exists()


def test_the_devices_of_the_lab_answer_at_the_addresses_of_the_pages(tmp_path: Path) -> None:
    text = "```sh\nnameplated probe modbus-tcp://10.20.0.7 | grep ACME\nnameplated probe opc.tcp://10.20.0.21:4840 | grep Mixer\n```\n"
    assert walked(page(tmp_path, text)) == text


async def test_the_lab_does_not_open_outside_of_its_namespaces() -> None:
    with pytest.raises(RuntimeError, match="namespaces"):
        async with open_lab(""):
            pass
