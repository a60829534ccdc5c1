"""What people see: findings are never cut, and foreign text cannot pose as ours."""

from dataclasses import replace

import pytest

from isms import views
from isms.alarms import Alarm, Cause
from isms.verify import ChainVerdict, Refusal, Verification

CHAIN = ChainVerdict(
    iss="urn:nameplated:werk-ulm:gw-halle3",
    epoch="01890a5d-ac96-774b-bcce-b302099a8057",
    records=3,
    first=0,
    last=3,
    since=1_795_000_000,
    until=1_795_000_003,
    gaps=0,
    missing=1,
    forks=0,
    breaks=0,
    findings=("nothing accounts for record 2",),
)


def test_every_finding_and_every_refusal_is_told_below_the_table() -> None:
    refusal = Refusal("reports.txt:7", "forged", "the signature is\x1b[2J not that of key k")
    shown = views.verification(Verification(chains=(CHAIN,), refusals=(refusal,), refused=3, unchained=2))
    assert "nothing accounts for record 2" in shown
    assert "reports.txt:7: forged: the signature is·[2J not that of key k" in shown
    assert "2 more lines" in shown and "2 reports outside the chains" in shown
    assert shown.endswith("NOT GOOD")


def test_json_says_the_same() -> None:
    shown = views.verification_json(Verification(chains=(CHAIN,), refusals=(), refused=0, unchained=0))
    assert shown["all_good"] is False and shown["chains"][0]["findings"] == ("nothing accounts for record 2",)


def test_a_time_beyond_any_calendar_is_shown_as_unknown() -> None:
    shown = views.verification(Verification(chains=(replace(CHAIN, until=2**53 - 1),), refusals=(), refused=0, unchained=0))
    assert "to ? UTC" in shown


def test_a_gateway_whose_chain_needs_a_person_is_named() -> None:
    one = {
        "iss": "urn:nameplated:werk-ulm:gw-halle3",
        "status": "online",
        "epoch": CHAIN.epoch,
        "state": "forked",
        "seq": 3,
        "records": 4,
        "gaps": 0,
        "forks": 1,
        "breaks": 0,
        "last_received_at": "2026-11-22T20:00:00Z",
        "review": ["e: forked after 3: frozen"],
        "health": None,
    }
    shown = views.gateways([one], {"forged": 2})
    assert "look into werk-ulm/gw-halle3: chain e: forked after 3: frozen" in shown
    assert shown.endswith("refused: 2 forged")


@pytest.mark.parametrize("width", [60, 80, 100])
def test_no_screen_is_wider_than_its_terminal(width: int) -> None:
    iss = "urn:nameplated:a-plant-with-a-very-long-name-ab:gw-halle10"
    one = dict.fromkeys(("seq", "records", "gaps", "forks", "breaks"), 123_456_789)
    one |= {"iss": iss, "status": "offline", "state": "forked", "last_received_at": "2026-11-22T20:00:00Z", "health": None}
    one |= {"review": [f"{CHAIN.epoch}: " + "word " * 40]}
    chain = replace(CHAIN, iss=iss, findings=("missing, and no signed gap accounts for it: records 1 to 2 " * 5,))
    trusted = {"kid": "k" * 43, "iss": iss, "state": "trusted", "words": "nagup-" * 8}
    shown = [
        views.gateways([one], {"unknown-key": 10**9}, width=width),
        views.alarms([Alarm(cause=Cause.STALE, iss=iss, subject="x" * 128, since=None, detail="word " * 40)], width=width),
        views.verification(Verification(chains=(chain,), refusals=(), refused=0, unchained=0), width=width),
        views.trust([trusted]),
    ]
    assert [line for text in shown for line in text.split("\n") if len(line) > width] == []
