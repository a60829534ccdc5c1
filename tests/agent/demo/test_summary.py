"""The verdict: exit code 0 only if everything that was promised is true, and every way to break a promise has its sentence."""

import json
from dataclasses import replace

import pytest

from agent.demo.script import Expected
from agent.demo.summary import Account, Figures, as_json, judge, report

UPDATE = Expected("press-07-plc", "changed", "firmware_version", "2.1", "2.2")
FIRST = Expected("press-07-plc", "first-seen", "", "", "ACME P7 2.1")

GOOD = Figures(
    seconds=60,
    broker="mosquitto",
    recorded=12,
    folded=12,
    signed=13,
    waiting=0,
    delivered=13,
    verified=13,
    damage=(),
    changes={UPDATE: 1, FIRST: 1},
    expected=(UPDATE,),
    outcomes={"press-07-plc": "identified"},
    intended={"press-07-plc": "identified"},
    accounts=(Account(asset_id="press-07-plc", counted={"43/14": 15}, claimed={"43/14": 15}),),
    restarts={"collect": 0, "publish": 0},
)


def test_demo_in_which_all_is_as_promised_is_good() -> None:
    verdict = judge(GOOD)
    assert (verdict.lost, verdict.faults, verdict.ok) == (0, (), True)


@pytest.mark.parametrize(
    ("figures", "lost", "said"),
    [
        (replace(GOOD, delivered=12, verified=12), 1, "13 reports signed, 12 delivered, 12 verified"),
        (replace(GOOD, verified=11), 2, "11 verified"),
        (replace(GOOD, folded=10), 2, "the journal ends at 12, the reports cover it up to 10"),
        (replace(GOOD, waiting=3), 0, "3 of 13 reports still wait for a receipt"),
        (replace(GOOD, damage=("one fork",)), 0, "one fork"),
        (replace(GOOD, changes={FIRST: 1}), 1, "does not know that press-07-plc changed"),
        (replace(GOOD, changes={UPDATE: 2}), 0, "2 times that press-07-plc changed firmware_version '2.1' to '2.2'"),
        (replace(GOOD, changes={UPDATE: 1, FIRST: 2}), 0, "2 times that press-07-plc first-seen"),
        (replace(GOOD, outcomes={}), 0, "press-07-plc ends as never seen"),
        (replace(GOOD, outcomes={"press-07-plc": "silent"}), 0, "ends as silent, should be identified"),
        (replace(GOOD, recorded=0, folded=0, signed=0, delivered=0, verified=0), 0, "nothing was signed"),
    ],
)
def test_broken_promise_is_named_and_counted(figures: Figures, lost: int, said: str) -> None:
    verdict = judge(figures)
    assert not verdict.ok
    assert verdict.lost == lost
    assert any(said in fault for fault in verdict.faults)
    assert said in report(figures, verdict)


def test_device_that_was_slow_in_its_own_right_is_no_fault() -> None:
    slow = Expected("oven-2-plc", "lost", "outcome", "identified", "silent")
    assert judge(replace(GOOD, changes={**GOOD.changes, slow: 2})).ok


def test_change_that_nobody_made_is_a_fault() -> None:
    invented = Expected("mixer-2", "posture-changed", "posture", "no-security", "no-security")
    assert any("nobody made it so" in fault for fault in judge(replace(GOOD, changes={**GOOD.changes, invented: 1})).faults)


def test_ledger_that_claims_less_than_the_device_counted_is_a_fault() -> None:
    account = Account(asset_id="a", counted={"43/14": 5}, claimed={"43/14": 4})
    assert not account.agrees
    assert "a counted 5 x 43/14, the ledger says 4 x 43/14" in judge(replace(GOOD, accounts=(account,))).faults


def test_kill_in_the_midst_of_a_visit_excuses_what_that_visit_asked_and_no_more() -> None:
    assert Account(asset_id="a", counted={"3": 8}, claimed={"3": 5}, owed=3).agrees
    assert not Account(asset_id="a", counted={"3": 9}, claimed={"3": 5}, owed=3).agrees


def test_ledger_that_claims_more_than_the_device_counted_is_never_excused() -> None:
    assert not Account(asset_id="a", counted={"3": 4}, claimed={"3": 5}, owed=40).agrees
    assert not Account(asset_id="a", counted={"3": 5, "4": 1}, claimed={"3": 4, "4": 2}, owed=40).agrees


def test_summary_ends_with_what_was_lost() -> None:
    assert report(GOOD, judge(GOOD)).endswith("lost: 0")


def test_json_summary_is_one_object_with_the_same_verdict() -> None:
    figures = replace(GOOD, delivered=12)
    summary = json.loads(json.dumps(as_json(figures, judge(figures))))
    assert (summary["ok"], summary["lost"]) == (False, 1)
    assert summary["requests"]["press-07-plc"] == {"device": {"43/14": 15}, "ledger": {"43/14": 15}}
