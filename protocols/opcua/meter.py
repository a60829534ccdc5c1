"""What a visit has cost the server so far, and what it may still cost.

Decides whether one more request fits the budget and how long to pause before it. Never sends, sleeps or reads a clock by
itself: the clock is an argument.

Two requests are kept back for closing the session and the channel, so a visit whose budget is spent still ends politely.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from protocols.contract import Ledger

CLOSING_SERVICES = frozenset({"CloseSession", "CloseSecureChannel"})


@dataclass(slots=True)
class Meter:
    """Counts one visit.

    Attributes:
        clock: Monotonic seconds.
        max_requests: Budget, closing included.
    """

    clock: Callable[[], float]
    max_requests: int
    connections: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    _began_at: float | None = None
    _heard_at: float | None = None
    _smallest_gap_s: float | None = None

    def begin(self) -> None:
        """A connection is about to be made; the first one begins the visit."""
        if self._began_at is None:
            self._began_at = self.clock()

    def connected(self) -> None:
        """A connection stands."""
        self.connections += 1

    def may_send(self, service: str) -> bool:
        """Whether one more request to this service fits the budget."""
        kept_back = 0 if service in CLOSING_SERVICES else len(CLOSING_SERVICES)
        return self.requests.total() < self.max_requests - kept_back

    def request(self, service: str) -> None:
        """A request to this service is about to be written."""
        self.requests[service] += 1
        if self._heard_at is not None:
            gap_s = self.clock() - self._heard_at
            self._smallest_gap_s = gap_s if self._smallest_gap_s is None else min(gap_s, self._smallest_gap_s)

    def sent(self, size: int) -> None:
        """Bytes were handed to the socket."""
        self.sent_bytes += size

    def received(self, size: int) -> None:
        """Bytes came from the socket."""
        self.received_bytes += size
        self._heard_at = self.clock()

    def pause_s(self, gap_s: float) -> float:
        """How long to wait before the next request, so that the gap after the last answer is kept."""
        return 0.0 if self._heard_at is None else max(0.0, self._heard_at + gap_s - self.clock())

    def ledger(self) -> Ledger:
        """What the visit has cost up to now."""
        return Ledger(
            connections=self.connections,
            requests=dict(sorted(self.requests.items())),
            sent_bytes=self.sent_bytes,
            received_bytes=self.received_bytes,
            smallest_gap_ms=None if self._smallest_gap_s is None else round(self._smallest_gap_s * 1000, 3),
            duration_ms=0.0 if self._began_at is None else round((self.clock() - self._began_at) * 1000, 3),
        )
