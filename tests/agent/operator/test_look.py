"""One look is shown with all that was learned, and fits the terminal."""

import pytest

from agent.core.observation import Child, Component, Observation, VisitLedger
from agent.operator.look import nameplate
from tests.agent.core.looks import look, plate

LEDGER = VisitLedger(
    connections=1, requests={"43/14": 2}, sent_bytes=22, received_bytes=99, smallest_gap_ms=251.4, duration_ms=300
)


def seen(name: str = "ACME") -> Observation:
    return look(
        detail=f"It says of itself: {name}.",
        nameplate=plate(firmware_version="2.1", manufacturer_name=name),
        software_components=[Component(name="server", version="7")],
        children=[Child(key="slot-2", nameplate=plate(serial_number="S9"))],
        posture={"findings": ["anonymous-access"]},
        remarks=["an odd count"],
        ledger=LEDGER,
    )


def test_look_is_shown_with_evidence_and_cost() -> None:
    shown = nameplate(seen(), width=100)
    for part in (
        "2.1",
        "322e31",
        "server",
        "S9",
        "anonymous-access",
        "an odd count",
        "2 x function code 43/14",
        "smallest gap 251 ms",
    ):
        assert part in shown


@pytest.mark.parametrize("width", [60, 100])
def test_no_line_is_wider_than_the_terminal_whatever_the_device_says(width: int) -> None:
    assert max(map(len, nameplate(seen("W" * 900), width=width).splitlines())) <= width


def test_a_thumbprint_to_compare_and_a_command_to_copy_stay_whole() -> None:
    thumbprint, command = "3f" * 32, "trust accept 3f3f --pki-dir /var/lib/nameplated/collect/opcua"
    shown = nameplate(look("untrusted", detail=f"compare {thumbprint} on the device, then run {command}"), width=60)
    assert thumbprint in shown and "/var/lib/nameplated/collect/opcua" in shown


@pytest.mark.parametrize(("number", "words"), [(1, "1 connection,"), (2, "2 connections,")])
def test_cost_counts_connections_as_people_do(number: int, words: str) -> None:
    assert words in nameplate(look(ledger=VisitLedger(connections=number)), width=100)
