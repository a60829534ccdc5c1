"""The receiver's requests: which of them count, and how many are heard.

Decides that, in pure code. A request counts if the receiver's key signed it, for this gateway, for this broker session, and with a
number above the last one. So nothing that was recorded can be played again: not later, when the session has another number, and not
now, when the number has been used. No clock is needed. What counts can only make the gateway talk: there is no request that
reaches a device, a file or a setting, and there must never be one.

Source: docs/report-format.md, requests.
"""

from dataclasses import dataclass
from typing import Final

from evidence.envelope import REQUEST, Request, expect, unseal
from evidence.errors import ForeignError, MalformedEnvelopeError
from evidence.keys import PublicKey

BURST: Final = 5
ONE_EVERY_S: Final = 2.0
MAX_REQUEST_BYTES: Final = 4096
MAX_CORRELATION_BYTES: Final = 64


@dataclass(slots=True)
class Desk:
    """Takes requests within one broker session.

    Attributes:
        receiver: Whose requests count.
        issuer: Who we are.
        audience: Who the receiver is.
        epoch: The chain that our status named.
        sess: The number of the session.
        last: Number of the last request that counted.
    """

    receiver: PublicKey
    issuer: str
    audience: str
    epoch: str
    sess: int
    last: int = -1
    _credit: float = BURST
    _counted_s: float | None = None

    def has_time(self, now_s: float) -> bool:
        """Count one more message, genuine or not; return whether it is looked at at all.

        Args:
            now_s: Seconds of a clock that never jumps.
        """
        since_s = 0.0 if self._counted_s is None else max(0.0, now_s - self._counted_s)
        self._counted_s = now_s
        self._credit = min(float(BURST), self._credit + since_s / ONE_EVERY_S)
        if self._credit < 1.0:
            return False
        self._credit -= 1.0
        return True

    def open(self, name: str, token: bytes) -> Request:
        """Return a request that counts.

        Args:
            name: What the topic says that it asks for.
            token: Any bytes.

        Raises:
            EvidenceError: It does not count; the class and the sentence say why.
        """
        if len(token) > MAX_REQUEST_BYTES:
            raise MalformedEnvelopeError("larger than any request")
        request = unseal(token, self._key, typ=REQUEST, as_type=Request).claims
        expect(request, issuer=self.audience, audience=self.issuer)
        if request.name != name or (request.span is None) != (name == "status"):
            raise MalformedEnvelopeError("it does not ask for what its topic says")
        if (request.epoch, request.sess) != (self.epoch, self.sess):
            raise ForeignError("it is for another session")
        if request.n <= self.last:
            raise ForeignError("it was made before the last one")
        self.last = request.n
        return request

    def _key(self, kid: str) -> PublicKey | None:
        return self.receiver if kid == self.receiver.kid else None
