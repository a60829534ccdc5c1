"""The page of messages is complete: whatever the programs can say there, it explains, and it explains nothing that they never say."""

import re

import pytest

from agent.core.silence import SilenceReason
from agent.service import Exit
from devtools.page import ROOT
from evidence.kinds import GapReason
from isms.alarms import Cause
from protocols.contract import Outcome
from tests.docs.told import events

PAGE = (ROOT / "docs/messages.md").read_text("utf-8")
ROW = re.compile(r"^\| `?([a-z0-9][\w.-]*)`? \| ([^|]+) \|", re.MULTILINE)


def rows(after: str, before: str = "\n## ") -> dict[str, str]:
    """First and second column of the first table after some words of the page."""
    part = PAGE[PAGE.index(after) + len(after) :]
    table = part.partition(before)[0]
    return dict(ROW.findall(table))


def test_each_line_of_the_gateways_log_and_each_event_has_an_entry() -> None:
    states = {f"asset.{state}" for state in rows("## States of an asset")}
    assert states | {*rows("## The log of collect"), *rows("## The log of publish")} == events("agent")


def test_each_line_of_the_receivers_log_has_an_entry() -> None:
    assert set(rows("## The log of the receiver")) == events("isms", "evidence")


def test_the_search_for_events_finds_all_kinds_of_them() -> None:
    assert {"asset.silent", "gap", "collect.resumed", "journal.replaced", "broker.taken_over"} <= events("agent")
    assert "chain.hole" in events("isms")


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ("## States of an asset", Outcome),
        ("## Alarms of the receiver", Cause),
        ("Why a `gap/1` dropped records:", GapReason),
        ("Why nobody was looking, in a `silence/1`:", SilenceReason),
    ],
)
def test_each_value_has_an_entry(words: str, values: type[Outcome]) -> None:
    assert list(rows(words, "\nW" if words.startswith("Why") else "\n## ")) == [value.value for value in values]


def test_each_finding_about_an_opc_ua_server_has_an_entry() -> None:
    source = (ROOT / "protocols/opcua/posture.py").read_text("utf-8")
    assert set(rows("as findings:")) == set(re.findall(r'yield "([a-z0-9-]+)"', source))


def test_each_exit_code_has_an_entry() -> None:
    assert [int(code) for code in rows("## Exit codes")] == [code.value for code in Exit]


def test_exit_codes_are_the_same_on_the_page_of_operations() -> None:
    operations = (ROOT / "docs/operations.md").read_text("utf-8")
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", operations, re.MULTILINE)} == {code.value for code in Exit}
