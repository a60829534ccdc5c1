"""What a broker's reason code means: for the envelope that it answers, and for the connection that it ends.

Decides fates and names the place to look. Never calls a PUBACK a delivery where the ISMS can sign a receipt (brokers lose what they
have acknowledged), and never gives an envelope up on a broker's word alone: one that says no to everything would have us delete
everything.

Source: OASIS MQTT 5.0, 3.4.2.1 (PUBACK reason codes), 3.2.2.2 (CONNACK), 3.14.2.1 (DISCONNECT); docs/decisions/0005-mqtt-5-only.md;
docs/delivery.md is made from these tables.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple


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


def fates() -> str:
    """Return the table of fates as Markdown, for docs/delivery.md."""
    rows = [f"| `0x{code:02x}` | {each.name} | {each.fate} | {each.remedy or '-'} |" for code, each in FATES.items()]
    return "\n".join(["| Code | Name | Fate | Where to look |", "|---|---|---|---|", *rows])


def endings() -> str:
    """Return the table of endings as Markdown, for docs/delivery.md."""
    return "\n".join(
        ["| Code | Where to look |", "|---|---|", *(f"| `0x{code:02x}` | {where} |" for code, where in ENDINGS.items())]
    )
