"""What the programs can tell an operator, read from their source: the names of log lines and of events in reports."""

import ast
import re
from collections.abc import Iterator

from protocols.contract import Outcome
from tests.architecture.sources import modules

NAME = re.compile(r"[a-z]+(?:\.[a-z]+(?:-[a-z]+)*)?")
LOGGED = {"debug", "info", "warning", "error", "exception"}


def events(*tops: str) -> frozenset[str]:
    """The first word of every log line, and the name of every event, of some top folders. The demo speaks to spectators."""
    found: set[str] = set()
    for name, _source, tree in modules(*tops):
        if not name.startswith("agent/demo/"):
            for function in ast.walk(tree):
                if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                    found |= set(_told(function))
    return frozenset(found)


def _told(function: ast.AST) -> Iterator[str]:
    for call in ast.walk(function):
        if isinstance(call, ast.Call) and call.args and _names(call.func):
            yield from _texts(call.args[0], function)
        elif isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] == "Event":
            yield from (leaf for word in call.keywords if word.arg == "name" for leaf in _texts(word.value, function))


def _names(callee: ast.expr) -> bool:
    """Whether a call's first argument is the name of an event."""
    match callee:
        case ast.Name(id="line" | "event"):
            return True
        case ast.Attribute(value=ast.Name(id="_log"), attr=level):
            return level in LOGGED
    return False


def _texts(argument: ast.expr, function: ast.AST) -> Iterator[str]:
    match argument:
        case ast.Constant(value=str(text)):
            yield text.partition(" ")[0]
        case ast.JoinedStr(values=[ast.Constant(value=str(head)), ast.FormattedValue()]):
            yield from (head + outcome.value for outcome in Outcome)
        case ast.Name(id=variable):  # chosen a line above
            yield from _assigned(variable, function)


def _assigned(variable: str, function: ast.AST) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == variable for target in node.targets
        ):
            yield from (leaf.value for leaf in ast.walk(node.value) if isinstance(leaf, ast.Constant) and _is_name(leaf.value))


def _is_name(value: object) -> bool:
    return isinstance(value, str) and NAME.fullmatch(value) is not None
