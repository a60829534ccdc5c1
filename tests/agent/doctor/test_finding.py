"""Findings have an order, and nothing found is nothing wrong."""

from agent.doctor.finding import Finding, State, worst


def of(*states: State) -> State:
    return worst(Finding("x", state, "") for state in states)


def test_bad_is_worse_than_a_warning_and_a_warning_worse_than_not_knowing() -> None:
    assert of(State.WARN, State.BAD, State.OK) is State.BAD
    assert of(State.UNKNOWN, State.WARN) is State.WARN
    assert of(State.OK, State.UNKNOWN) is State.UNKNOWN


def test_nothing_found_is_well() -> None:
    assert of() is State.OK
