"""Tables fit the terminal, and no device's text drives it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import screens
from agent.core.asset import after_look
from agent.core.observation import Child, Component, VisitLedger
from tests.agent.core.looks import look, plate


@given(st.lists(st.lists(st.text(max_size=60), min_size=3, max_size=3), max_size=5), st.integers(60, 200))
def test_any_cells_fit_the_width_and_stay_on_their_line(rows: list[list[str]], width: int) -> None:
    shown = screens.table(("a", "b", "c"), rows, width=width).split("\n")
    assert len(shown) == len(rows) + 1
    assert all(len(line) <= width for line in shown)
    assert all(line.isprintable() for line in shown)


def test_lost_asset_is_shown_with_what_is_known_of_it() -> None:
    state = after_look(after_look(None, look()), look("silent", at_s=60))
    shown = screens.assets({"press-07": state, "never": after_look(None, look("unreachable"))})
    assert "ACME" in shown and "silent" in shown and "never" in shown


def test_look_is_shown_with_evidence_and_cost() -> None:
    seen = look(
        detail="It answered.",
        nameplate=plate(firmware_version="2.1"),
        software_components=[Component(name="server", version="7")],
        children=[Child(key="slot-2", nameplate=plate(serial_number="S9"))],
        posture={"findings": ["anonymous-access"]},
        remarks=["an odd count"],
        ledger=VisitLedger(
            connections=1, requests={"43/14": 2}, sent_bytes=22, received_bytes=99, smallest_gap_ms=251.4, duration_ms=300
        ),
    )
    shown = screens.nameplate(seen)
    for part in ("2.1", "322e31", "server", "S9", "anonymous-access", "an odd count", "2 x 43/14", "smallest gap 251 ms"):
        assert part in shown


def test_long_sentence_is_wrapped_and_what_is_to_be_copied_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    thumbprint, command = "3f" * 32, "trust accept 3f3f --pki-dir /var/lib/nameplated/collect/opcua"
    shown = screens.nameplate(look("untrusted", detail=f"compare {thumbprint} on the device, then run {command}"))
    assert thumbprint in shown and "/var/lib/nameplated/collect/opcua" in shown
    sentence = shown.split("\n\n")[0].splitlines()[1:]
    assert all(line.startswith("  ") and (len(line) <= 60 or " " not in line.strip()) for line in sentence)


def test_cost_counts_connections_as_people_do() -> None:
    for number, words in ((1, "1 connection,"), (2, "2 connections,")):
        assert words in screens.nameplate(look(ledger=VisitLedger(connections=number)))
