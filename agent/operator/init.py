"""`nameplated config init`: a few answers and a list of devices become a commented plant file.

Decides what is asked and what is said of the list. Never overwrites a file, never writes one that `check` would refuse, and
never leaves out a row of the list without a sentence that says why.
"""

import argparse
import re
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agent.operator import page
from agent.screens import wrapped
from agent.service import Exit
from config.errors import ConfigError
from config.model import BrokerSection, GatewaySection, Plant, PlantSection
from config.parse import parse
from config.render import render
from config.spreadsheet import read_tables
from config.table import Found, read
from config.tabulate import HEADINGS


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that a plant file cannot do without.

    Attributes:
        flag: The flag that answers it, without its hyphens; also its table in the plant file.
        key: Its key there.
        words: How it is asked.
        default: What an empty answer means, or empty if it has to be answered.
    """

    flag: str
    key: str
    words: str
    default: str = ""


QUESTIONS = (
    Question("plant", "id", "Id of the plant, such as werk-ulm"),
    Question("gateway", "id", "Id of this gateway, such as gw-halle3"),
    Question("broker", "url", "Broker, such as mqtts://isms.example:8883"),
)

_FRAME: dict[str, Any] = {"plant": {"id": "x"}, "gateway": {"id": "x"}, "broker": {"url": "mqtts://x"}}


def main(options: argparse.Namespace) -> int:
    """Write a plant file and say what became of the list.

    Raises:
        ConfigError: The list cannot be read, or none of its rows can be used. Nothing was written.
        OSError: The plant file cannot be written.
    """
    if options.file.exists():
        return _failed(f"{options.file} is there already, and was not changed. Name another file.")
    given = {question.flag: getattr(options, question.flag) for question in QUESTIONS}
    if wrong := _problems(given):
        return _failed("\n".join(wrong))
    try:
        answers, source = _answered(given, options.source)
    except EOFError:
        return _failed("no answer; nothing was written.")
    found = _listed(source, options) if source else Found()
    plant = Plant(
        plant=PlantSection(id=answers["plant"]),
        gateway=GatewaySection(id=answers["gateway"]),
        broker=BrokerSection(url=answers["broker"]),
        asset=found.assets,
    )
    text = render(plant)
    with options.file.open("x", encoding="utf-8") as file:
        file.write(text)
    print("\n".join(told(found, options.file, source)))
    return Exit.OK


def _problems(given: Mapping[str, str | None]) -> list[str]:
    """Return what is wrong with the flags, and those that are missing where nobody can be asked."""
    wrong = [f"--{question.flag}: {why}" for question in QUESTIONS if (why := problem_with(question, given[question.flag]))]
    if not sys.stdin.isatty():
        missing = [flag for flag, answer in given.items() if answer is None]
        wrong += [f"--{flag} is missing, and there is no terminal to ask at." for flag in missing]
    return wrong


def _answered(given: Mapping[str, str | None], source: Path | None) -> tuple[dict[str, str], Path | None]:
    """Ask for what no flag says; who is asked at all is asked for the list of devices too.

    Raises:
        EOFError: No answer came.
    """
    answers = {flag: answer for flag, answer in given.items() if answer is not None}
    missing = [question for question in QUESTIONS if question.flag not in answers]
    if not missing:
        return answers, source
    print("\n".join(wrapped("Ids are a-z, 0-9 and '-'. They are part of every report, and stay for ever.")))
    for question in missing:
        default = own_name(socket.gethostname()) if question.flag == "gateway" else ""
        answers[question.flag] = ask(replace(question, default=default), input, print)
    return answers, source or _asked_for_a_list()


def _asked_for_a_list() -> Path | None:
    """Ask for the list of devices, which a person who was asked so far may have at hand."""
    answer = input("List of devices, CSV or XLSX (empty: none): ").strip()
    return Path(answer).expanduser() if answer else None


def own_name(host: str) -> str:
    """Return a host name in the form of an id, or an empty string.

    >>> own_name("GW_Halle3.plant.example")
    'gw-halle3'
    """
    return re.sub(r"[^a-z0-9]+", "-", host.partition(".")[0].lower()).strip("-")[:32]


def ask(question: Question, listen: Callable[[str], str], say: Callable[[str], None]) -> str:
    """Ask until the answer can be used.

    Args:
        question: What is asked.
        listen: Shows a text and returns a line.
        say: Shows lines.
    """
    while True:
        default = f" [{question.default}]" if question.default else ""
        answer = listen(f"{question.words}{default}: ").strip() or question.default
        problem = problem_with(question, answer)
        if problem is None:
            return answer
        say("\n".join(wrapped(problem)))


def problem_with(question: Question, answer: str | None) -> str | None:
    """Return what is wrong with an answer, as a plant file would say it; None if nothing is, or nothing was answered."""
    if answer is None:
        return None
    _, problems = parse(_FRAME | {question.flag: {question.key: answer}}, base=Path("/"))
    return f"{problems[0].what}. {problems[0].suggestion}" if problems else None


def told(found: Found, file: Path, source: Path | None, *, width: int | None = None) -> list[str]:
    """Say what was written, what was read from the list, and what was not."""
    lines = [f"{file}: written, {page.count(len(found.assets), 'asset')}."]
    if source is not None:
        columns = ", ".join(f"{title!r} as {HEADINGS.get(key, key)}" for key, title in found.titles.items())
        lines += wrapped(f"{source}: read {columns}.", width=width, hanging="  ", hostile=True)
    if found.unused:
        lines += wrapped(f"Left aside: {', '.join(map(repr, found.unused))}.", width=width, hanging="  ", hostile=True)
    if found.problems:
        lines += ["", f"Not used ({len(found.problems)}):", *_sentences(found, width)]
    if not found.assets:
        lines += ["", *wrapped(f"Write [[asset]] tables into {file}: the legend there says how.", width=width)]
    return [*lines, "", f"Next: nameplated check {file} --plan"]


def _sentences(found: Found, width: int | None) -> Sequence[str]:
    return [line for problem in found.problems for line in wrapped(f"- {problem}", width=width, hanging="  ", hostile=True)]


def _listed(source: Path, options: argparse.Namespace) -> Found:
    from protocols.profile import bundled

    tables, base = read_tables(source), options.file.parent.absolute()
    found = read(tables, expand_ranges=options.expand_ranges, profiles=bundled(), base=base)
    if not found.assets:
        raise ConfigError(found.problems, source)
    return found


def _failed(sentence: str) -> int:
    print(f"nameplated: {sentence}", file=sys.stderr)
    return Exit.USAGE
