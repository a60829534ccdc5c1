"""Time passes by the uptime within a boot; across boots a clock that lies proves nothing."""

from hypothesis import given
from hypothesis import strategies as st

from agent.core.moment import elapsed_s
from tests.agent.core.looks import moment

WALL = st.floats(min_value=0, max_value=4e9)
UP = st.floats(min_value=0, max_value=1e9)


def test_wall_clock_jump_within_a_boot_moves_nothing() -> None:
    assert elapsed_s(moment(10, at_s=0), moment(40, at_s=2_000_000_000)) == 30


def test_wall_clock_counts_across_boots() -> None:
    assert elapsed_s(moment(500, at_s=1000), moment(5, at_s=1600, boot="boot-b")) == 600


def test_clock_that_went_backwards_across_boots_proves_nothing() -> None:
    assert elapsed_s(moment(500, at_s=1_800_000_000), moment(5, at_s=0, boot="boot-b")) == 0


def test_time_is_written_in_utc_with_milliseconds() -> None:
    assert moment(0, at_s=1_800_000_000.25).text == "2027-01-15T08:00:00.250Z"


@given(WALL, UP, WALL, UP, st.booleans())
def test_time_never_runs_backwards(at_a: float, up_a: float, at_b: float, up_b: float, same_boot: bool) -> None:
    later = moment(up_b, at_s=at_b, boot="boot-a" if same_boot else "boot-b")
    assert elapsed_s(moment(up_a, at_s=at_a), later) >= 0
