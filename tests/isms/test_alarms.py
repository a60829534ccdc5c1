"""Alarms: each cause is named, none hides another, and none stands longer than its cause."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from isms.alarms import Alarm, Cause, Fleet, Patience, alarms

NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
ISS = "urn:nameplated:werk-ulm:gw-halle3"


def ago(**how_long: float) -> str:
    return (NOW - timedelta(**how_long)).isoformat()


def gateway(**changes: Any) -> dict[str, Any]:
    sound = {"iss": ISS, "state": "sound", "seq": 7, "review": [], "hole": None, "status": "online", "status_at": ago(days=1)}
    return {**sound, "last_received_at": ago(hours=5), "health": {"at": ago(minutes=1)}, **changes}


def asset(**changes: Any) -> dict[str, Any]:
    return {"iss": ISS, "asset_id": "press-07", "last_seen_at": ago(hours=6), "outcome": "identified", "changes": [], **changes}


def change(field: str, observed_at: str) -> dict[str, Any]:
    return {"field": field, "before": "2.1", "after": "2.2", "observed_at": observed_at}


def found(
    gateways: list[dict[str, Any]] | None = None,
    assets: list[dict[str, Any]] | None = None,
    refused: list[dict[str, Any]] | None = None,
) -> list[Alarm]:
    return alarms(
        gateways=gateways or [], assets=assets or [], refused=refused or [], known_kids={"known"}, now=NOW, patience=Patience()
    )


def test_a_fleet_that_is_well_alarms_nobody() -> None:
    assert found([gateway()], [asset()]) == []


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"state": "forked", "review": ["e: forked after 7: frozen"]}, Cause.FORK),
        ({"state": "broken"}, Cause.BREAK),
        ({"review": ["e: began anew (damaged) without naming its chain"]}, Cause.BEGAN_ANEW),
        ({"hole": [8, 9]}, Cause.HOLE),
        ({"status": "offline"}, Cause.SILENT),
        ({"health": {"at": ago(minutes=16)}}, Cause.SILENT),
        ({"health": {"at": "9999-99-99T00:00:00Z"}}, Cause.SILENT),
    ],
)
def test_a_gateway_that_needs_somebody_is_named(changes: dict[str, Any], cause: Cause) -> None:
    assert [alarm.cause for alarm in found([gateway(**changes)])] == [cause]


def test_a_change_of_firmware_stays_in_view_for_a_week() -> None:
    new, old, other = (
        change("firmware_version", ago(days=6)),
        change("firmware_version", ago(days=8)),
        change("serial_number", ago(days=1)),
    )
    [alarm] = found(assets=[asset(changes=[old, new, other])])
    assert (alarm.cause, alarm.subject, alarm.detail) == (
        Cause.FIRMWARE_CHANGED,
        "press-07",
        "firmware_version was 2.1 and is 2.2",
    )


def test_an_asset_that_was_not_seen_for_days_or_never_is_stale() -> None:
    stale = found(assets=[asset(last_seen_at=ago(days=4), outcome="silent"), asset(asset_id="new", last_seen_at=None)])
    assert [(alarm.cause, alarm.subject) for alarm in stale] == [(Cause.STALE, "new"), (Cause.STALE, "press-07")]


def test_a_key_that_nobody_vouched_for_alarms_until_somebody_does() -> None:
    def refused(kid: str, at: str) -> dict[str, Any]:
        return {"reason": "unknown-key", "topic": "t", "detail": f"the key {kid} is not trusted here", "at": at}

    [alarm] = found(
        refused=[
            refused("stranger", "1"),
            refused("known", "2"),
            refused("stranger", "3"),
            {**refused("x", "4"), "reason": "forged"},
        ]
    )
    assert (alarm.cause, alarm.subject, alarm.since) == (Cause.UNKNOWN_KEY, "stranger", "3")


def test_one_stranger_is_one_alarm_with_the_words_to_compare() -> None:
    kid = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    topic = "acme/nameplated/v1/werk-ulm/gw-halle3/{}"
    refusal = {"reason": "unknown-key", "detail": f"the key {kid} is not trusted here"}
    [alarm] = found(refused=[{**refusal, "topic": topic.format(leaf), "at": leaf} for leaf in ("evidence", "health", "status")])
    assert (alarm.iss, alarm.subject, alarm.since) == ("urn:nameplated:werk-ulm:gw-halle3", kid, "status")
    assert alarm.detail.endswith("nagup-soruv-pokud-jijok-nodih-butub-sabid-lomof")


def test_the_worst_comes_first() -> None:
    causes = [alarm.cause for alarm in found([gateway(hole=[1, 2]), gateway(state="forked")], [asset(last_seen_at=None)])]
    assert causes == [Cause.FORK, Cause.HOLE, Cause.STALE]


def test_the_live_view_shows_them_and_obeys_no_device() -> None:
    from io import StringIO

    from rich.console import Console

    from isms.watch import watch

    evil = asset(asset_id="press\x1b[2J", last_seen_at=None)
    fleet = Fleet(
        gateways=[gateway(state="forked", records=8, health=None)],
        assets=[evil, asset(changes=[{**change("firmware_version", ago(days=1)), "asset_id": "m", "change": "changed"}])],
        alarms=found([gateway(state="forked")], [evil]),
    )
    screen = StringIO()
    watch(lambda: fleet, console=Console(file=screen, width=160), times=1)
    shown = screen.getvalue()
    assert "werk-ulm/gw-halle3" in shown and "fork" in shown and "press·[2J" in shown and "\x1b[2J" not in shown
