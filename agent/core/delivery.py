"""How one connection to a broker is used: what may be sent now, what is sent again, and when.

Decides pauses and order; `agent.core.fates` decides what a reason code means. Never talks to a broker, never looks inside an envelope,
and never lets more be ahead of the receiver than a broker keeps for it.

`TRANSITIONS` is the table of it:

    open      the window is kept full
    paused    the broker or the receiver takes nothing now; the pause doubles each time
    probing   two envelopes find out whether that is over; one alone might be the one that nobody takes

Source: OASIS MQTT 5.0, 3.2.2.3.3 (Receive Maximum); docs/decisions/0016-the-pace-of-delivery.md; docs/delivery.md is made from this file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from agent.core.fates import Fate, answer

RESEND_AFTER_S = 60.0
LONGEST_RESEND_S = 600.0
"""How long a receipt may be missing on a live connection before the oldest envelopes are sent again. Doubles while none comes: an ISMS
that does not know our key yet is not sent a month's backlog every minute."""

FIRST_LEAD = 100
LEAST_LEAD = 20
LONGEST_LEAD = 500
LEAD_GROWS = 5
"""How many envelopes may be ahead of the last receipt: at first, at least, at most, and how many more with each receipt; half as many once
the receiver misses one. As TCP does it (RFC 5681), and for the same reason: for a subscriber who is slower than all its gateways together a
broker keeps 1,000 messages unless it is told otherwise (mosquitto 2.0, HiveMQ), says yes to the rest, and drops them."""

SILENT_AFTER_S = 60.0
"""How long a broker may leave all that is under way without an answer. Pings prove that it lives, not that it works."""

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 60.0
"""Nothing is sent for half a second after the first no, and never for longer than a minute: a receiver that starts together with
its gateway costs a moment, one that is away for a week costs a packet a minute."""

FIRST_RECONNECT_S = 1.0
LONGEST_RECONNECT_S = 300.0

PROBES = 2

BESIDE = 2
"""Places of the broker's Receive Maximum that envelopes leave free: for health, and for a gap or an answer."""

TRIES = 3
"""Refusals of one envelope, while others are taken, after which it is given up."""


class Phase(StrEnum):
    """How a connection is used."""

    OPEN = "open"
    PAUSED = "paused"
    PROBING = "probing"


class Signal(StrEnum):
    """What may change that."""

    TAKEN = "taken"  # the broker took an envelope
    NOT_TAKEN = "not taken"  # it did not
    PAUSE_OVER = "pause over"
    RECEIVER_SPOKE = "receiver spoke"  # a receipt or a request came: somebody listens


TRANSITIONS: Final[Mapping[tuple[Phase, Signal], Phase]] = {
    (Phase.OPEN, Signal.TAKEN): Phase.OPEN,
    (Phase.OPEN, Signal.NOT_TAKEN): Phase.PAUSED,
    (Phase.OPEN, Signal.PAUSE_OVER): Phase.OPEN,
    (Phase.OPEN, Signal.RECEIVER_SPOKE): Phase.OPEN,
    (Phase.PAUSED, Signal.TAKEN): Phase.PAUSED,  # an answer to what was sent before the pause
    (Phase.PAUSED, Signal.NOT_TAKEN): Phase.PAUSED,  # likewise: one pause for one window
    (Phase.PAUSED, Signal.PAUSE_OVER): Phase.PROBING,
    (Phase.PAUSED, Signal.RECEIVER_SPOKE): Phase.OPEN,
    (Phase.PROBING, Signal.TAKEN): Phase.OPEN,
    (Phase.PROBING, Signal.NOT_TAKEN): Phase.PAUSED,
    (Phase.PROBING, Signal.PAUSE_OVER): Phase.PROBING,
    (Phase.PROBING, Signal.RECEIVER_SPOKE): Phase.OPEN,
}


def pause_s(in_a_row: int) -> float:
    """Return how long nothing is sent after so many vain attempts in a row.

    >>> [pause_s(number) for number in (1, 2, 3, 8, 1000)]
    [0.5, 1.0, 2.0, 60.0, 60.0]
    """
    doubled: float = FIRST_PAUSE_S * 2.0 ** min(max(in_a_row, 1) - 1, 16)
    return min(doubled, LONGEST_PAUSE_S)


def places(receive_maximum: int, unanswered: int) -> int:
    """Return how many envelopes the broker takes now; always one where nothing is unanswered, or a small one would never get any.

    Args:
        receive_maximum: How many messages of all sorts it takes at once, 1 to 65,535. One more, and it may hang up.
        unanswered: How many it has not answered.

    >>> places(20, 0), places(20, 18), places(20, 30), places(1, 0), places(1, 1)
    (18, 0, 0, 1, 0)
    """
    return max(receive_maximum - unanswered - BESIDE, 0 if unanswered else 1)


def reconnect_wait_s(failures: int, chance: float) -> float:
    """Return how long to wait before the next connection attempt: full jitter, doubling from 1 s to 300 s.

    >>> [reconnect_wait_s(failures, 1.0) for failures in (1, 2, 3, 20)]
    [1.0, 2.0, 4.0, 300.0]
    """
    ceiling: float = min(FIRST_RECONNECT_S * 2.0 ** min(max(failures, 1) - 1, 16), LONGEST_RECONNECT_S)
    return max(0.1, ceiling * chance)


@dataclass(slots=True)
class Suspects:
    """Envelopes that were refused, over all connections: how often, and whether others were taken meanwhile."""

    refusals: dict[int, int] = field(default_factory=dict)
    outdone: set[int] = field(default_factory=set)

    def taken(self, position: int) -> None:
        """Note that an envelope was taken: it is no suspect, and those that are were outdone."""
        self.refusals.pop(position, None)
        self.outdone.discard(position)
        self.outdone.update(self.refusals)

    def refused(self, position: int) -> bool:
        """Count a refusal; return whether the envelope is to be given up."""
        self.refusals[position] = self.refusals.get(position, 0) + 1
        return self.refusals[position] >= TRIES and position in self.outdone

    def forget(self, upto: int) -> None:
        """Forget what is no longer waiting: everything up to a position."""
        self.refusals = {position: count for position, count in self.refusals.items() if position > upto}
        self.outdone &= self.refusals.keys()


@dataclass(slots=True)
class Session:
    """One connection's view of the outbox: how far it was sent, what is under way, and since when a receipt is owed.

    A new connection starts from the oldest envelope again, because nobody knows what the broker still has.

    Attributes:
        window: How many may be under way at once.
        suspects: What was refused, on this connection and before it.
        owed: What was handed over and no receipt covers yet: epoch and sequence by position, at most `lead`.
        lead: How many that may be.
        paced: Whether receipts set the pace. They do until one is overdue: what never gets a receipt must not hold up what would.
        overdue_in_a_row: How often a receipt was overdue since the last one came.
        sent_upto: Highest position handed over so far.
        under_way: Positions without a PUBACK.
        phase: How the connection is used.
        vain: Pauses in a row.
        paused_until_s: Nothing is sent before; seconds of the caller's clock.
        owed_since_s: When the oldest envelope without a receipt was sent, or None.
        answered_s: When the broker last answered, or had nothing to answer.
        proven: Something was taken on this connection, or nothing else is there to be: suspects may go.
    """

    window: int
    suspects: Suspects = field(default_factory=Suspects)
    owed: dict[int, tuple[str, int]] = field(default_factory=dict)
    lead: int = FIRST_LEAD
    paced: bool = True
    overdue_in_a_row: int = 0
    sent_upto: int = 0
    under_way: set[int] = field(default_factory=set)
    phase: Phase = Phase.OPEN
    vain: int = 0
    paused_until_s: float = 0.0
    owed_since_s: float | None = None
    answered_s: float = 0.0
    proven: bool = False

    def room(self, now_s: float) -> int:
        """Return how many envelopes may be handed over now.

        Each place is filled as soon as it is free: our next packet carries TCP's word that the PUBACK came. A side that waits for
        several places first waits for a delayed acknowledgement of the other, 40 ms for each window.
        """
        if now_s >= self.paused_until_s:
            self.phase = TRANSITIONS[self.phase, Signal.PAUSE_OVER]
        most = {Phase.PAUSED: 0, Phase.PROBING: PROBES, Phase.OPEN: self.window}[self.phase]
        return max(0, min(most - len(self.under_way), self.lead - len(self.owed)))

    def sent(self, position: int, place: tuple[str, int], now_s: float) -> None:
        """Note that an envelope was handed over, and which place of a chain a receipt would name for it: epoch and sequence."""
        self.sent_upto = max(self.sent_upto, position)
        if self.paced:
            self.owed[position] = place
        if not self.under_way:
            self.answered_s = now_s
        self.under_way.add(position)
        if self.owed_since_s is None:
            self.owed_since_s = now_s

    def acknowledged(self, position: int, reason_code: int, now_s: float) -> Fate:
        """Note a PUBACK and return what it means.

        One that is kept is sent again with all after it. One that is suspect waits for its turn while the others go on.
        """
        self.under_way.discard(position)
        self.answered_s = now_s
        fate = answer(reason_code).fate
        if fate is Fate.ACCEPTED:
            self.suspects.taken(position)
            self.proven = True
            self._signal(Signal.TAKEN, now_s)
            return fate
        if fate is Fate.SUSPECT and self.suspects.refused(position):
            self.released(position)
            return Fate.REFUSED
        if fate is Fate.KEPT or self.suspects.refusals.get(position, 0) > 1:
            self._signal(Signal.NOT_TAKEN, now_s)
        self.again_from(position)
        return fate

    def holds_back(self, position: int) -> bool:
        """Tell whether an envelope is not to be sent yet.

        A suspect lets another go first on each connection: should the broker hang up over it, that one has got through, and the
        suspect was outdone. Then it travels alone: a broker may hang up before it has answered what came earlier, and whoever is
        the oldest without an answer is blamed. So an innocent one is blamed once.
        """
        if position in self.suspects.refusals:
            return not self.proven or bool(self.under_way)
        return not self.under_way.isdisjoint(self.suspects.refusals)

    def alone(self) -> bool:
        """Let suspects go where nothing else is there to go first; return whether they were held back."""
        if self.proven or self.under_way:
            return False
        self.proven = True
        return True

    def again_from(self, position: int) -> None:
        """Send everything from a position on once more. What is under way is not sent twice."""
        self.sent_upto = min(self.sent_upto, position - 1)
        self.owed = {each: place for each, place in self.owed.items() if each < position}

    def missed(self, position: int) -> None:
        """Note that the receiver misses what lies at a position: the broker drops what it said yes to, so go slower from there."""
        self.again_from(position)
        self.lead = max(LEAST_LEAD, self.lead // 2)

    def released(self, position: int) -> None:
        """Note that no receipt is waited for: the broker's word is enough, or the envelope was set aside."""
        self.owed.pop(position, None)

    def receipted(self, epoch: str, upto: int) -> None:
        """Note that the receiver signed for a chain up to a sequence: more may follow, before anything of that is settled."""
        self.owed = {each: place for each, place in self.owed.items() if place[0] != epoch or place[1] > upto}
        self.paced, self.overdue_in_a_row = True, 0
        self.lead = min(LONGEST_LEAD, self.lead + LEAD_GROWS)

    def heard(self, now_s: float) -> None:
        """Note that the receiver spoke: there is no reason to wait for it."""
        self._signal(Signal.RECEIVER_SPOKE, now_s)

    def settled(self, *, rest: bool, now_s: float) -> None:
        """Note that a receipt came; `rest` says whether envelopes without one are left."""
        self.owed_since_s = now_s if rest else None
        self.heard(now_s)

    def overdue(self, now_s: float) -> bool:
        """Start again from the oldest envelope if a receipt has been owed for too long; return whether it has."""
        if self.owed_since_s is None or now_s < self._resend_at_s(self.owed_since_s) or self.under_way:
            return False
        self.again_from(1)
        self.owed_since_s, self.paced = now_s, False
        self.overdue_in_a_row += 1
        return True

    def is_silent(self, now_s: float) -> bool:
        """Tell whether the broker has left everything without an answer for too long: the connection is worth nothing."""
        return bool(self.under_way) and now_s >= self.answered_s + SILENT_AFTER_S

    def wake_in_s(self, now_s: float, longest_s: float) -> float:
        """Return how long nothing of this session's own happens, at most `longest_s`."""
        overdue_s = self._resend_at_s(self.owed_since_s) if self.owed_since_s is not None else 0.0
        silent_s = self.answered_s + SILENT_AFTER_S if self.under_way else 0.0
        moments = [moment for moment in (self.paused_until_s, overdue_s, silent_s) if moment > now_s]
        return min([longest_s, *(moment - now_s for moment in moments)])

    def _resend_at_s(self, since_s: float) -> float:
        return since_s + min(RESEND_AFTER_S * 2.0 ** min(self.overdue_in_a_row, 16), LONGEST_RESEND_S)

    def _signal(self, signal: Signal, now_s: float) -> None:
        """Follow the table; a pause begins when it says so, and the count of vain ones ends when it opens."""
        before, self.phase = self.phase, TRANSITIONS[self.phase, signal]
        if self.phase is Phase.PAUSED and before is not Phase.PAUSED:
            self.vain += 1
            self.paused_until_s = now_s + pause_s(self.vain)
        elif self.phase is Phase.OPEN and signal is not Signal.TAKEN:
            self.vain, self.paused_until_s = 0, min(self.paused_until_s, now_s)
        elif before is Phase.PROBING and self.phase is Phase.OPEN:
            self.vain = 0


def diagram() -> str:
    """Return the table of transitions as a Mermaid state diagram, for docs/delivery.md."""
    arrows = [f"    {before} --> {after}: {signal}" for (before, signal), after in TRANSITIONS.items() if before is not after]
    return "\n".join(["stateDiagram-v2", f"    [*] --> {Phase.OPEN}", *arrows])
