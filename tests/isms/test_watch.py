"""The live page: the worst comes first, and no name of a plant or a device writes beyond the edge."""

from datetime import UTC, datetime
from typing import Any

import pytest

from isms.alarms import Alarm, Cause, Fleet
from isms.tables import cells_wide
from isms.watch import MOST_LINES, page

NOW = datetime(2026, 11, 23, tzinfo=UTC)
LONG = "a-plant-with-a-very-long-name-ab"


def gateway(name: str, **facts: Any) -> dict[str, Any]:
    known = {"status": "online", "state": "sound", "seq": 57_311, "records": 57_312, "health": None, "last_received_at": None}
    return {"iss": f"urn:nameplated:{LONG}:{name}", **known, **facts}


def fleet(count: int) -> Fleet:
    change = {"asset_id": "中" * 60, "observed_at": "2026-11-22T20:00:00Z", "field": "firmware_version", "change": "changed"}
    changes = [{**change, "before": "9" * 1000, "after": "\x1b[2J"}]
    alarm = Alarm(cause=Cause.FIRMWARE_CHANGED, iss=gateway("gw")["iss"], subject="x" * 128, since=None, detail="word " * 99)
    gateways = [gateway(f"gw-{number}") for number in range(count)] + [gateway("forked", state="forked")]
    return Fleet(gateways=gateways, assets=[{"changes": changes}], alarms=[alarm] * count)


@pytest.mark.parametrize("width", [60, 80, 100, 200])
@pytest.mark.parametrize("count", [1, MOST_LINES + 5])
def test_every_line_fits_whatever_is_named_how(width: int, count: int) -> None:
    lines = page(fleet(count), NOW, width).plain.split("\n")
    assert all(cells_wide(line) <= width and line.isprintable() for line in lines)
    assert ("… and 6 more" in lines) == (count > MOST_LINES)


def test_a_frozen_gateway_is_never_below_the_fold() -> None:
    assert "forked" in page(fleet(50), NOW, 100).plain.split("\n")[3]


def test_an_empty_fleet_is_a_page_too() -> None:
    assert "gateways 0/0 online" in page(Fleet(gateways=[], assets=[], alarms=[]), NOW, 100).plain
