r"""The fenced blocks of a page: what is to be run, what is only shown, and the page with its screens taken anew.

Decides what a block asks for. Pure: never runs anything and never reads a file.

    ```sh                               run, in order; must end well
    ```sh background                    started, and ended with the page
    ```console                          each line with `$ ` is run; what follows it is its screen
    ```console until=identified         the same, repeated until this pattern is on the screen
    ```sh no-run: needs a real gateway  parsed only, and the reason why

Any other language is shown and not run.
"""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

RUN, SCREEN = "sh", "console"
NOT_RUN = "no-run:"
BACKGROUND = "background"
UNTIL = "until="
PROMPT = "$ "

_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w+)?[ ]*(?P<remark>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
_OURS = ("nameplated", "nameplated-isms")
_BEFORE = ("sudo", "!", "then", "do")
_ENDS = frozenset({"|", "||", "&&", ";", "&", ">", ">>", "<", "2>", "(", ")"})


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block.

    Attributes:
        line: Where its text begins in the page, from 1.
        language: The word behind the fence; empty if there is none.
        remark: What stands behind that word.
        text: What is between the fences, without the indent of a list.
    """

    line: int
    language: str
    remark: str
    text: str

    @property
    def runs(self) -> bool:
        """Whether it is run."""
        return self.language in (RUN, SCREEN) and not self.remark.startswith(NOT_RUN)

    @property
    def reason(self) -> str:
        """Why it is not run, or empty."""
        return self.remark.removeprefix(NOT_RUN).strip() if self.remark.startswith(NOT_RUN) else ""

    @property
    def until(self) -> str:
        """The pattern for which a screen waits, or empty."""
        return self.remark.removeprefix(UNTIL) if self.remark.startswith(UNTIL) else ""

    @property
    def commands(self) -> tuple[str, ...]:
        """What a shell is given: the whole of a script, each prompt of a screen."""
        if self.language == SCREEN:
            return tuple(command for command, _shown in screens(self.text))
        return (self.text,) if self.language == RUN else ()


def blocks(page: str) -> tuple[Block, ...]:
    r"""Return the fenced blocks of a page, in order.

    >>> [(block.line, block.language, block.reason) for block in blocks("# A\n\n```sh no-run: root\nreboot\n```\n")]
    [(4, 'sh', 'root')]
    """
    return tuple(
        Block(
            page.count("\n", 0, found.start("text")) + 1,
            found["language"] or "",
            found["remark"].strip(),
            _shifted(found["text"], -len(found["indent"])),
        )
        for found in _FENCE.finditer(page)
    )


def screens(text: str) -> list[tuple[str, str]]:
    r"""Return each command of a console block with what it showed; a backslash continues a command.

    >>> screens("$ nameplated check \\\n    plant.toml\nready\n$ true\n")
    [('nameplated check \\\n    plant.toml', 'ready\n'), ('true', '')]
    """
    found: list[tuple[str, str]] = []
    lines = iter(text.splitlines(keepends=True))
    for line in lines:
        if line.startswith(PROMPT):
            command = line.removeprefix(PROMPT)
            while command.endswith("\\\n"):
                command += next(lines, "")
            found.append((command.rstrip("\n"), ""))
        elif found:
            found[-1] = found[-1][0], found[-1][1] + line
    return found


def shown(taken: Iterable[tuple[str, str]]) -> str:
    """Write commands and their screens as the text of a console block."""
    return "".join(f"{PROMPT}{command}\n{_ended(screen)}" for command, screen in taken)


def renewed(page: str, texts: Mapping[int, str]) -> str:
    """Return the page with other texts in some of its blocks.

    Args:
        page: As it is.
        texts: Line of a block to what it is to say.
    """

    def other(found: re.Match[str]) -> str:
        text = texts.get(page.count("\n", 0, found.start("text")) + 1)
        if text is None:
            return found[0]
        start, end = found.start("text") - found.start(), found.end("text") - found.start()
        return found[0][:start] + _shifted(text, len(found["indent"])) + found[0][end:]

    return _FENCE.sub(other, page)


def calls(script: str) -> list[tuple[str, ...]]:
    r"""Return every call of our two programs in a script, as words.

    >>> calls("sudo -u nameplated-it nameplated key init && nameplated key show --json > gw.jwk")
    [('nameplated', 'key', 'init'), ('nameplated', 'key', 'show', '--json')]
    """
    found = []
    for line in script.replace("\\\n", " ").splitlines():
        words = _words(line)
        for at, word in enumerate(words):
            if word in _OURS and _begins(words, at):
                end = next((stop for stop in range(at, len(words)) if words[stop] in _ENDS), len(words))
                found.append(tuple(words[at:end]))
    return found


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split = True
    try:
        return list(lexer)
    except ValueError:  # an apostrophe in the text of a here-document is no call of ours
        return []


def _begins(words: Sequence[str], at: int) -> bool:
    """Tell whether a word is a command and not the argument of one."""
    before = list(words[:at])
    while before[-2:-1] == ["-u"]:
        before = before[:-2]
    return not before or before[-1] in _BEFORE or before[-1] in _ENDS


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def _shifted(text: str, by: int) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(line[-by:] if by < 0 else " " * by + line if line.strip() else line for line in lines)
