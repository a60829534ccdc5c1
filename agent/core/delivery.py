"""What becomes of an envelope that was handed to a broker, and which one is handed over next.

Decides fates and order. Never talks to a broker, never looks inside an envelope, and never calls a PUBACK a delivery where
the ISMS can sign a receipt: brokers lose what they have acknowledged.

Source: OASIS MQTT 5.0, 3.4.2.1 (PUBACK reason codes); docs/decisions/0005-mqtt-5-only.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

NO_MATCHING_SUBSCRIBERS = 0x10

REFUSED_FOR_EVER = {
    0x90: "topic name invalid",
    0x95: "packet too large",
    0x99: "payload format invalid",
}
"""Reason codes that no second try can change: the envelope is set aside and a gap says so."""

RESEND_AFTER_S = 60.0
"""How long a receipt may be missing on a live connection before the oldest envelopes are sent again."""

PAUSE_S = 15.0
"""How long nothing is sent after the broker kept an envelope back: no subscriber, no permission, a full queue."""

FIRST_RECONNECT_S = 1.0
LONGEST_RECONNECT_S = 300.0


class Fate(StrEnum):
    """What a PUBACK means for its envelope."""

    ACCEPTED = "accepted"  # the broker has it; only a receipt says that the ISMS has it
    REFUSED = "refused"  # nobody will ever take it
    KEPT = "kept"  # try again later


def fate(reason_code: int) -> Fate:
    """Judge a PUBACK.

    >>> [fate(code).value for code in (0x00, 0x10, 0x87, 0x99)]
    ['accepted', 'kept', 'kept', 'refused']
    """
    if reason_code in REFUSED_FOR_EVER:
        return Fate.REFUSED
    return Fate.KEPT if reason_code >= 0x80 or reason_code == NO_MATCHING_SUBSCRIBERS else Fate.ACCEPTED


def reconnect_wait_s(failures: int, chance: float) -> float:
    """Return how long to wait before the next connection attempt: full jitter, doubling from 1 s to 300 s.

    >>> [reconnect_wait_s(failures, 1.0) for failures in (1, 2, 3, 20)]
    [1.0, 2.0, 4.0, 300.0]
    """
    ceiling: float = min(FIRST_RECONNECT_S * 2.0 ** min(max(failures, 1) - 1, 16), LONGEST_RECONNECT_S)
    return max(0.1, ceiling * chance)


@dataclass(slots=True)
class Session:
    """One connection's view of the outbox: how far it was sent, what is under way, and since when a receipt is owed.

    A new connection starts from the oldest envelope again, because nobody knows what the broker still has.

    Attributes:
        window: How many may be under way at once.
        sent_upto: Highest position handed over so far.
        under_way: Positions without a PUBACK.
        paused_until_s: Nothing is sent before; seconds of the caller's clock.
        owed_since_s: When the oldest envelope without a receipt was sent, or None.
    """

    window: int
    sent_upto: int = 0
    under_way: set[int] = field(default_factory=set)
    paused_until_s: float = 0.0
    owed_since_s: float | None = None

    def room(self, now_s: float) -> int:
        """Return how many envelopes may be handed over now."""
        return 0 if now_s < self.paused_until_s else max(0, self.window - len(self.under_way))

    def sent(self, position: int, now_s: float) -> None:
        """Note that an envelope was handed over."""
        self.sent_upto = max(self.sent_upto, position)
        self.under_way.add(position)
        if self.owed_since_s is None:
            self.owed_since_s = now_s

    def acknowledged(self, position: int, reason_code: int, now_s: float) -> Fate:
        """Note a PUBACK and return what it means. One that is kept is sent again, with all after it, after a pause."""
        self.under_way.discard(position)
        verdict = fate(reason_code)
        if verdict is Fate.KEPT:
            self.sent_upto = min(self.sent_upto, position - 1)
            self.paused_until_s = now_s + PAUSE_S
        return verdict

    def settled(self, *, rest: bool, now_s: float) -> None:
        """Note that a receipt came; `rest` says whether envelopes without one are left."""
        self.owed_since_s = now_s if rest else None

    def overdue(self, now_s: float) -> bool:
        """Start again from the oldest envelope if a receipt has been owed for too long; return whether it has."""
        if self.owed_since_s is None or now_s - self.owed_since_s < RESEND_AFTER_S or self.under_way:
            return False
        self.sent_upto, self.owed_since_s = 0, now_s
        return True

    def wake_in_s(self, now_s: float, longest_s: float) -> float:
        """Return how long nothing of this session's own happens, at most `longest_s`."""
        moments: Sequence[float] = [
            moment
            for moment in (self.paused_until_s, self.owed_since_s + RESEND_AFTER_S if self.owed_since_s is not None else 0.0)
            if moment > now_s
        ]
        return min([longest_s, *(moment - now_s for moment in moments)])
