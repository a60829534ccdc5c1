"""Totals forget no request and keep the smallest gap that ever was."""

from hypothesis import given
from hypothesis import strategies as st

from agent.core.ledger import Totals, add
from agent.core.observation import VisitLedger

LOOKS = st.lists(
    st.builds(
        VisitLedger,
        connections=st.integers(0, 3),
        requests=st.dictionaries(st.sampled_from(["3", "43/14", "Read"]), st.integers(1, 9)),
        sent_bytes=st.integers(0, 999),
        received_bytes=st.integers(0, 999),
        smallest_gap_ms=st.none() | st.floats(0, 1000),
    ),
    max_size=20,
)


@given(LOOKS)
def test_totals_are_the_sum_of_all_looks(looks: list[VisitLedger]) -> None:
    totals = Totals(since="2026-01-01T00:00:00Z")
    for look in looks:
        totals = add(totals, look)
    assert totals.looks == len(looks)
    assert sum(totals.requests.values()) == sum(sum(look.requests.values()) for look in looks)
    assert totals.sent_bytes == sum(look.sent_bytes for look in looks)
    assert totals.smallest_gap_ms == min(
        (look.smallest_gap_ms for look in looks if look.smallest_gap_ms is not None), default=None
    )
