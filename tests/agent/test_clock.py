"""This machine's clocks, read for real."""

from agent.clock import system_clock
from agent.core.moment import elapsed_s


def test_uptime_moves_forward_within_one_boot() -> None:
    now = system_clock()
    first, second = now(), now()
    assert first.boot == second.boot
    assert elapsed_s(first, second) >= 0
    assert second.at_s > 1_700_000_000
