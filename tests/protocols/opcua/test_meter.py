"""The meter: counts what a visit costs, keeps the gap, and keeps two requests back for closing."""

from protocols.opcua.meter import Meter


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_pause_is_what_is_left_of_the_gap_since_the_last_answer() -> None:
    clock = Clock()
    meter = Meter(clock, 40)
    assert meter.pause_s(0.25) == 0.0
    meter.received(8)
    clock.now += 0.125
    assert meter.pause_s(0.25) == 0.125
    clock.now += 1.0
    assert meter.pause_s(0.25) == 0.0


def test_visit_of_two_connections_lasts_from_the_first_to_the_last() -> None:
    clock = Clock()
    meter = Meter(clock, 40)
    for _ in range(2):
        meter.begin()
        meter.connected()
        clock.now += 1.0
    assert (meter.ledger().connections, meter.ledger().duration_ms) == (2, 2000.0)


def test_smallest_gap_is_none_until_a_request_follows_an_answer() -> None:
    clock = Clock()
    meter = Meter(clock, 40)
    meter.request("OpenSecureChannel")
    assert meter.ledger().smallest_gap_ms is None
    for gap in (0.5, 0.25, 0.75):
        meter.received(1)
        clock.now += gap
        meter.request("Read")
    assert meter.ledger().smallest_gap_ms == 250.0


def test_last_two_requests_of_the_budget_are_kept_for_closing() -> None:
    meter = Meter(Clock(), 4)
    for _ in range(2):
        assert meter.may_send("Read")
        meter.request("Read")
    assert not meter.may_send("Read")
    for service in ("CloseSession", "CloseSecureChannel"):
        assert meter.may_send(service)
        meter.request(service)
    assert not meter.may_send("CloseSecureChannel")


def test_ledger_counts_services_bytes_connections_and_time() -> None:
    clock = Clock()
    meter = Meter(clock, 40)
    meter.begin()
    meter.connected()
    meter.request("Read")
    meter.request("Read")
    meter.sent(30)
    meter.received(50)
    clock.now += 1.5
    ledger = meter.ledger()
    assert ledger.requests == {"Read": 2}
    assert (ledger.connections, ledger.sent_bytes, ledger.received_bytes, ledger.duration_ms) == (1, 30, 50, 1500.0)


def test_visit_that_never_began_cost_nothing() -> None:
    assert Meter(Clock(), 40).ledger().duration_ms == 0.0
