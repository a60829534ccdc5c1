"""Whether all is well with a role follows from the word that it left, and from how old that is."""

from typing import Any

import msgspec
import pytest

from agent.core.status import STALE_AFTER_S, AssetLine, CollectWord, PublishWord, Word, problems
from agent.core.vitals import Found, Vitals
from tests.agent.core.looks import moment

PUBLISH = PublishWord(
    broker="isms:8883",
    connected_at="2026-11-22T00:00:00Z",
    delivery="confirmed",
    waiting=0,
    waiting_bytes=0,
    oldest_at=None,
    epoch="e",
    seq=3,
    head="h",
)
COLLECT = CollectWord(assets=[AssetLine(asset_id="press-07", due_s=100.0, outcome="silent", failures=3)], count=1)


def word(role: str = "collect", **changed: Any) -> Word:
    work = PUBLISH if role == "publish" else COLLECT
    base = Word(
        role=role,
        state_dir="/var/lib/nameplated",
        agent_version="0.1.0",
        pid=1,
        started=moment(),
        moment=moment(),
        vitals=Vitals(at=moment().text),
        work=work,
    )
    return msgspec.structs.replace(base, **changed)


@pytest.mark.parametrize("role", ["collect", "publish"])
def test_all_is_well_with_a_role_that_works_even_if_a_device_does_not(role: str) -> None:
    assert problems(role, word(role), moment()) == []


def vitals(**changed: Any) -> Vitals:
    return Vitals(at=moment().text, **changed)


@pytest.mark.parametrize(
    ("role", "changed", "said"),
    [
        ("collect", {"ended": "no key"}, "collect has ended: no key"),
        ("collect", {"work": None}, "has not begun its work"),
        ("collect", {"work": msgspec.structs.replace(COLLECT, held=7)}, "7 records wait in memory"),
        ("collect", {"vitals": vitals(trouble="plant file refused")}, "collect: plant file refused"),
        ("collect", {"vitals": vitals(guard_fired_at="2026-11-22")}, "the read-only guard refused a request at 2026-11-22"),
        ("collect", {"vitals": vitals(found=[Found(name="networks", state="bad", detail="no filter")])}, "collect: no filter"),
        ("publish", {"work": msgspec.structs.replace(PUBLISH, connected_at=None, why="refused")}, "not connected to the broker: refused"),
    ],
)  # fmt: skip
def test_what_needs_a_look_is_said(role: str, changed: dict[str, Any], said: str) -> None:
    (problem,) = problems(role, word(role, **changed), moment())
    assert said in problem


@pytest.mark.parametrize("state", ["ok", "warn", "unknown"])
def test_a_finding_that_breaks_no_promise_is_no_problem(state: str) -> None:
    assert problems("collect", word(vitals=vitals(found=[Found(name="clock", state=state)])), moment()) == []


def test_word_that_is_old_or_of_another_boot_is_not_believed() -> None:
    later = msgspec.structs.replace(moment(), up_s=moment().up_s + STALE_AFTER_S + 1)
    rebooted = msgspec.structs.replace(moment(), up_s=moment().up_s - 1)
    for now in (later, rebooted):
        (problem,) = problems("collect", word(), now)
        assert "has left no word since" in problem
    assert "does not run" in problems("collect", None, moment())[0]


def test_word_survives_being_written_and_read() -> None:
    for role in ("collect", "publish"):
        assert msgspec.json.decode(msgspec.json.encode(word(role)), type=Word) == word(role)
