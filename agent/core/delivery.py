"""What becomes of an envelope that was handed to a broker, and how fast the next one follows.

Decides fates, pauses and order. Never talks to a broker, never looks inside an envelope, never calls a PUBACK a delivery where
the ISMS can sign a receipt (brokers lose what they have acknowledged), and never gives an envelope up on a broker's word alone:
one that says no to everything would have us delete everything.

Three tables say it all. `FATES`: what a reason code means for its envelope. `ENDINGS`: what it means where the broker lets nobody in or
hangs up. `TRANSITIONS`: how a connection that stands is used:

    open      the window is kept full
    paused    the broker or the receiver takes nothing now; the pause doubles each time
    probing   two envelopes find out whether that is over; one alone might be the one that nobody takes

Source: OASIS MQTT 5.0, 3.4.2.1 (PUBACK reason codes), 3.2.2.2 (CONNACK), 3.14.2.1 (DISCONNECT), 3.2.2.3.3 (Receive Maximum);
docs/decisions/0005-mqtt-5-only.md, docs/decisions/0016-the-pace-of-delivery.md; docs/delivery.md is made from this file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

RESEND_AFTER_S = 60.0
"""How long a receipt may be missing on a live connection before the oldest envelopes are sent again."""

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


class Fate(StrEnum):
    """What a PUBACK means for its envelope."""

    ACCEPTED = "accepted"  # the broker has it; only a receipt says that the ISMS has it
    KEPT = "kept"  # nothing is wrong with it: try again later
    SUSPECT = "suspect"  # something may be wrong with it: send the others, try it again, and count
    REFUSED = "refused"  # it was refused `TRIES` times while others were taken: set it aside


class Answer(NamedTuple):
    """What one reason code means."""

    name: str
    fate: Fate
    remedy: str


FATES: Final[Mapping[int, Answer]] = {
    0x00: Answer("success", Fate.ACCEPTED, ""),
    0x10: Answer("no matching subscribers", Fate.KEPT, "the receiver is not there, or was never subscribed"),
    0x80: Answer("unspecified error", Fate.SUSPECT, "see the broker's log"),
    0x81: Answer("malformed packet", Fate.SUSPECT, "this packet, or the answer to it, makes no sense to the other side"),
    0x82: Answer("protocol error", Fate.SUSPECT, "this packet, or the answer to it, breaks the protocol: see the broker's log"),
    0x83: Answer("implementation specific error", Fate.SUSPECT, "see the broker's log"),
    0x87: Answer("not authorized", Fate.KEPT, "the broker's access list does not let this gateway write here"),
    0x90: Answer("topic name invalid", Fate.KEPT, "the topic prefix of the plant file does not suit the broker"),
    0x91: Answer("packet identifier in use", Fate.KEPT, ""),
    0x95: Answer("packet too large", Fate.SUSPECT, "the broker's largest packet is smaller than this report"),
    0x97: Answer("quota exceeded", Fate.KEPT, "the broker's queue or disk is full"),
    0x99: Answer("payload format invalid", Fate.SUSPECT, "the broker looks into payloads and should not"),
}
"""Every reason code a PUBACK may carry, and those with which a connection ends over one packet: `BLAMING`."""

BLAMING: Final = frozenset({0x81, 0x82, 0x95, 0x99})
"""Where a connection ends with one of these, it ended over a packet: most likely the oldest without an answer, as a broker answers in order.

mosquitto's `message_size_limit` is such a case: its PUBACK says 0x95, which no PUBACK may, so the client hangs up over it."""

ENDINGS: Final[Mapping[int, str]] = {
    0x80: "the network or the broker broke off, or another client has our name (mosquitto 2.0 does not tell): see the broker's log",
    0x84: "the broker does not speak MQTT 5, which says more than earlier versions: use one that does",
    0x85: "the broker does not take our client id: it may have to be the name in the certificate",
    0x86: "look at username_file of the plant file",
    0x87: "the broker does not know this certificate or user: see its access list",
    0x88: "the broker is not ready",
    0x89: "the broker has too much to do",
    0x8A: "the broker's operator has banned this client",
    0x8B: "the broker shuts down",
    0x8D: "the broker heard nothing in time: the network holds packets back",
    0x8E: "another client has our name: a cloned gateway?",
    0x93: "the broker allows fewer packets under way than it said",
    0x95: "the broker's largest packet is too small",
    0x97: "the broker's quota for this client is spent",
    0x98: "the broker's operator closed the connection",
    0x9A: "the broker must allow retained messages: the status is one",
    0x9B: "the broker must allow QoS 1: without it nothing is ever acknowledged",
    0x9C: "the broker wants us elsewhere: change the url in the plant file, if that is right",
    0x9D: "the broker has moved: change the url in the plant file, if that is right",
    0x9F: "the broker allows fewer attempts to connect",
}
"""Where to look when a CONNACK or DISCONNECT says so. Everything is kept, and tried again after a pause, whatever the reason."""

_UNKNOWN: Final = Answer("unknown reason", Fate.SUSPECT, "see the broker's log")


def answer(reason_code: int) -> Answer:
    """Say what a reason code means.

    >>> [answer(code).fate.value for code in (0x00, 0x10, 0x87, 0x99, 0xFE)]
    ['accepted', 'kept', 'kept', 'suspect', 'suspect']
    """
    return FATES.get(reason_code, _UNKNOWN)


def explained(reason_code: int, reason: str) -> str:
    """Say why a connection did not come about or ended, and where to look.

    >>> explained(0x8E, "Session taken over")
    'Session taken over; another client has our name: a cloned gateway?'
    >>> explained(0x00, "Normal disconnection")
    'Normal disconnection'
    """
    where = ENDINGS.get(reason_code)
    return f"{reason}; {where}" if where else reason


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
        match self.phase:
            case Phase.PAUSED:
                return 0
            case Phase.PROBING:
                return max(0, PROBES - len(self.under_way))
            case Phase.OPEN:
                return max(0, self.window - len(self.under_way))

    def sent(self, position: int, now_s: float) -> None:
        """Note that an envelope was handed over."""
        self.sent_upto = max(self.sent_upto, position)
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

    def heard(self, now_s: float) -> None:
        """Note that the receiver spoke: there is no reason to wait for it."""
        self._signal(Signal.RECEIVER_SPOKE, now_s)

    def settled(self, *, rest: bool, now_s: float) -> None:
        """Note that a receipt came; `rest` says whether envelopes without one are left."""
        self.owed_since_s = now_s if rest else None
        self.heard(now_s)

    def overdue(self, now_s: float) -> bool:
        """Start again from the oldest envelope if a receipt has been owed for too long; return whether it has."""
        if self.owed_since_s is None or now_s < self.owed_since_s + RESEND_AFTER_S or self.under_way:
            return False
        self.sent_upto, self.owed_since_s = 0, now_s
        return True

    def is_silent(self, now_s: float) -> bool:
        """Tell whether the broker has left everything without an answer for too long: the connection is worth nothing."""
        return bool(self.under_way) and now_s >= self.answered_s + SILENT_AFTER_S

    def wake_in_s(self, now_s: float, longest_s: float) -> float:
        """Return how long nothing of this session's own happens, at most `longest_s`."""
        overdue_s = self.owed_since_s + RESEND_AFTER_S if self.owed_since_s is not None else 0.0
        silent_s = self.answered_s + SILENT_AFTER_S if self.under_way else 0.0
        moments = [moment for moment in (self.paused_until_s, overdue_s, silent_s) if moment > now_s]
        return min([longest_s, *(moment - now_s for moment in moments)])

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


def fates() -> str:
    """Return the table of fates as Markdown, for docs/delivery.md."""
    rows = [f"| `0x{code:02x}` | {each.name} | {each.fate} | {each.remedy or '-'} |" for code, each in FATES.items()]
    return "\n".join(["| Code | Name | Fate | Where to look |", "|---|---|---|---|", *rows])


def endings() -> str:
    """Return the table of endings as Markdown, for docs/delivery.md."""
    return "\n".join(
        ["| Code | Where to look |", "|---|---|", *(f"| `0x{code:02x}` | {where} |" for code, where in ENDINGS.items())]
    )
