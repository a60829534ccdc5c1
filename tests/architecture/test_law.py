"""The law of this project, where a machine can check it: imports, sizes, broad excepts, words, and nothing of a machine's own."""

import ast
import re
import subprocess
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import PACKAGES, ROOT, modules, texts

MAX_FUNCTION_LINES = 40  # of its body, without the docstring
MAX_MODULE_LINES = 400
MAX_BROAD_EXCEPTS = 3

LONG_FUNCTIONS: dict[str, str] = {}  # "module.py:name": the reason
LONG_MODULES: dict[str, str] = {}  # "module.py": the reason

# Foreign names that we cannot choose, and files that others made. File: the reason.
FOREIGN_WORDS = {
    "LICENSE": "its text is given",
    "requirements.lock": "names and hashes of others",
    "requirements-dev.lock": "names and hashes of others",
    "tests/peers/node/package-lock.json": "names and hashes of others",
    "tests/peers/c/server.c": "the interface of libmodbus",
}


def test_every_import_contract_is_kept() -> None:
    contracts = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    result = subprocess.run(contracts, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


def broad_excepts(tree: ast.AST) -> Iterator[int]:
    """Lines that swallow everything: a broad handler that does not end by raising again, or a suppression of everything."""
    broad = {"Exception", "BaseException"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            caught = {name.id for name in ast.walk(node.type) if isinstance(name, ast.Name)} if node.type else broad
            last = node.body[-1]
            if caught & broad and not (isinstance(last, ast.Raise) and last.exc is None):
                yield node.lineno
        elif (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).endswith("suppress")
            and broad & set(map(ast.unparse, node.args))
        ):
            yield node.lineno


def test_everything_is_swallowed_in_three_places_at_most() -> None:
    found = [f"{name}:{line}" for name, _, tree in modules(*PACKAGES) for line in broad_excepts(tree)]
    assert len(found) <= MAX_BROAD_EXCEPTS, found


def test_the_search_for_broad_excepts_finds_them() -> None:
    source = "try: x\nexcept: pass\ntry: x\nexcept (A, Exception): y\ntry: x\nexcept BaseException:\n y\n raise\nwith suppress(Exception): x"
    assert sorted(broad_excepts(ast.parse(source))) == [2, 4, 9]


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    statements = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return function.end_lineno - statements[0].lineno + 1 if statements and function.end_lineno else 0


def test_no_function_is_longer_than_a_screen() -> None:
    functions = [
        (f"{name}:{node.name}", body_lines(node))
        for name, _, tree in modules(*PACKAGES)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert [where for where, lines in functions if lines > MAX_FUNCTION_LINES and where not in LONG_FUNCTIONS] == []
    assert set(LONG_FUNCTIONS) <= {where for where, lines in functions if lines > MAX_FUNCTION_LINES}


def test_no_module_is_larger_than_a_room() -> None:
    large = {name: source.count("\n") for name, source, _ in modules(*PACKAGES) if source.count("\n") > MAX_MODULE_LINES}
    assert set(large) == set(LONG_MODULES), large


def test_every_module_says_what_it_is_for() -> None:
    assert [
        name for name, source, tree in modules(*PACKAGES, "tests", "bench") if source.strip() and not ast.get_docstring(tree)
    ] == []


def test_every_silenced_check_names_its_code_and_its_reason() -> None:
    silenced = re.compile(r"#\s*(?:noqa|type:\s*ignore)")
    reasoned = re.compile(r"#\s*(?:noqa: [A-Z]+[0-9]+(?:, ?[A-Z]+[0-9]+)*|type: ignore\[[a-z-]+(?:, ?[a-z-]+)*\])\s+(?:# )?\S")
    lines = [
        f"{name}:{number}"
        for name, source, _ in modules(*PACKAGES, "tests", "bench")
        for number, line in enumerate(source.splitlines(), 1)
        if silenced.search(line) and not reasoned.search(line)
    ]
    assert lines == []


# Put together from parts, so that this file does not contain what it forbids.
OLD_WORDS = re.compile(rf"(?<![a-z])(?:{'sla' + 've'}|{'mas' + 'ter'})s?(?![a-z])", re.IGNORECASE)
MACHINE_PATH = re.compile(r"(?<![\w.*)}])/(?:root|home|work|tmp)/")
PACKAGE_INDEX = re.compile(
    "|".join(("pypi" + r"\.org", "python" + "hosted", "npm" + r"js\.(?:org|com)", "(?<!emit-)index" + "-url"))
)


def lines_with(pattern: re.Pattern[str], allowed: Collection[str] = ()) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in texts()
        if name not in allowed
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_nobody_is_called_by_the_old_words() -> None:
    assert lines_with(OLD_WORDS, FOREIGN_WORDS) == []


def test_no_file_names_a_path_of_the_machine_it_was_written_on() -> None:
    assert lines_with(MACHINE_PATH) == []


def test_no_file_names_a_package_index() -> None:
    assert lines_with(PACKAGE_INDEX) == []


@pytest.mark.parametrize(
    ("pattern", "forbidden", "allowed"),
    [
        (OLD_WORDS, "set_" + "sla" + "ve(1)", "mastery of enslavement"),
        (MACHINE_PATH, "cd /" + "work/main", "https://x.example/home/y and {base}/tmp/z and /tmp"),
        (PACKAGE_INDEX, "--extra-index" + "-url=x", "--no-emit-index-url"),
    ],
)
def test_each_search_finds_what_it_looks_for_and_nothing_else(pattern: re.Pattern[str], forbidden: str, allowed: str) -> None:
    assert pattern.search(forbidden)
    assert not pattern.search(allowed)
