"""What to ask a gateway for, and when: records that are missing while later ones wait.

Decides it in pure code; time is an argument. A hole is given a moment to close by itself: with several receivers, records of one
gateway arrive side by side. After that it is asked for again with growing pauses, because a gateway that cannot answer now is not
helped by being asked more often. Must never ask for anything but what `evidence.requests` has a form for.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from evidence.envelope import FindKey, expect, unseal
from evidence.errors import EvidenceError
from evidence.requests import RESPONSE, Request, Response, Span
from evidence.topics import issuer, parse_topic
from isms.intake import Hole
from isms.receive import Presence

PATIENCE_S: Final = 3.0
FIRST_PAUSE_S: Final = 30.0
LONGEST_PAUSE_S: Final = 3600.0
MOST_RECORDS: Final = 1024  # asked for at once


class _Asked(NamedTuple):
    """How often a hole was asked for, and when it may be asked for next."""

    from_seq: int
    times: int
    next_s: float


@dataclass(slots=True)
class Asker:
    """Remembers what was asked of whom."""

    _asked: dict[tuple[str, str], _Asked] = field(default_factory=dict)
    _number: int = 0

    def due(self, holes: Iterable[Hole], now_s: float) -> list[Hole]:
        """Return the holes to ask for now.

        Args:
            holes: All there are.
            now_s: Seconds of a clock that never jumps.
        """
        before, self._asked = self._asked, {}
        chosen = []
        for hole in holes:
            known = before.get((hole.iss, hole.epoch))
            if known is None or known.from_seq != hole.from_seq:
                known = _Asked(hole.from_seq, 0, now_s + PATIENCE_S)
            elif now_s >= known.next_s:
                chosen.append(hole)
                pause_s = min(FIRST_PAUSE_S * 2.0 ** min(known.times, 16), LONGEST_PAUSE_S)
                known = _Asked(hole.from_seq, known.times + 1, now_s + pause_s)
            self._asked[hole.iss, hole.epoch] = known
        return chosen

    def number(self, now_ms: int) -> int:
        """Return the next number of a request: the time, and more than the one before even if the clock was put back."""
        self._number = max(self._number + 1, now_ms)
        return self._number


def republish(hole: Hole, presence: Presence | None, *, audience: str, number: int) -> Request | None:
    """Return the request to send what is missing once more, or None if the gateway is not there to hear it.

    Args:
        hole: What is missing.
        presence: What the gateway last said of its connection.
        audience: Who we are.
        number: As `Asker.number` gives it.
    """
    if presence is None or not presence.online:
        return None
    upto = min(hole.to_seq, hole.from_seq + MOST_RECORDS - 1)
    span = Span(epoch=hole.epoch, from_seq=hole.from_seq, to_seq=upto)
    return _request("republish", hole.iss, presence, audience=audience, number=number, span=span)


def status(iss: str, presence: Presence, *, audience: str, number: int) -> Request:
    """Return the request to say how the gateway is."""
    return _request("status", iss, presence, audience=audience, number=number, span=None)


def read_response(where: str, token: bytes, *, prefix: str, audience: str, find_key: FindKey) -> Response | None:
    """Return a genuine response to us, or None if it is anything else."""
    place = parse_topic(where, prefix)
    if place is None or place[2] != "response":
        return None
    try:
        response = unseal(token, find_key, typ=RESPONSE, as_type=Response).claims
        expect(response, issuer=issuer(place[0], place[1]), audience=audience)
    except EvidenceError:
        return None
    return response


def _request(name: str, iss: str, presence: Presence, *, audience: str, number: int, span: Span | None) -> Request:
    return Request(
        v=1,
        iss=audience,
        aud=iss,
        epoch=presence.epoch,
        sess=presence.sess,
        n=number,
        iat=number // 1000,
        name="status" if name == "status" else "republish",
        span=span,
    )
