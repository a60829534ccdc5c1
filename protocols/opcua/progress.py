"""What a visit knows so far: filled by its steps, judged at its end.

Decides nothing but how what a server tells twice fits together. Never asks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from pathlib import Path

from asyncua import ua
from cryptography import x509

from protocols.contract import Ask, Posture
from protocols.opcua import decode
from protocols.opcua.certificates import describe
from protocols.opcua.discover import Discovery
from protocols.opcua.login import User
from protocols.opcua.meter import Meter
from protocols.opcua.own import Own
from protocols.opcua.plan import learned_from
from protocols.opcua.posture import Application, Offer, posture


class Protection(Enum):
    """How far a protected channel has come."""

    NOT_ASKED = auto()
    ASKED = auto()
    STANDS = auto()


@dataclass(slots=True)
class Progress:
    """What is asked, and what the visit has brought up to now.

    Attributes:
        pinned: The server's certificate, if it is a trusted one.
        ours: Our certificates, in the order in which the server is shown them; empty where the session is not protected.
        own: The one of them that it was shown last.
        following: The one that the servers are to trust from now on, while a renewal is under way.
        refusals: Words for the next visit: the server has refused `following`.
        user: Who to log in as.
        application: Who the server says it is.
        offers: How it may be reached.
        others: Servers that it knows; None until it was asked.
        shown: The certificate that it showed when it created a session.
        created: A session was created.
        learned: What the next visit should know; None until it is known.
    """

    ask: Ask
    pki: Path
    now: datetime
    meter: Meter
    pinned: x509.Certificate | None = None
    ours: tuple[Own, ...] = ()
    own: Own | None = None
    following: Own | None = None
    refusals: tuple[str, ...] = ()
    user: User = field(default_factory=User)
    application: Application = field(default_factory=Application)
    offers: tuple[Offer, ...] = ()
    others: tuple[Application, ...] | None = None
    shown: bytes = b""
    posture: Posture | None = None
    protection: Protection = Protection.NOT_ASKED
    created: bool = False
    learned: tuple[str, ...] | None = None
    discovery: Discovery = field(default_factory=Discovery)

    def saw(self, endpoints: Sequence[ua.EndpointDescription]) -> None:
        """The server has told what it offers; what it leaves out this time it has told before."""
        self.application = decode.application(endpoints).completed_by(self.application)
        self.offers = decode.offers(endpoints)
        der = self.certificate_offered
        self.posture = posture(self.application, self.offers, describe(der) if der else None, self.now, others=self.others or ())
        if any(offer.mode == "invalid" for offer in self.offers):
            self.discovery.remarks.add("endpoint-of-unknown-mode")

    @property
    def certificate_offered(self) -> bytes:
        """The certificate of the endpoints in the wanted mode, else of any, else nothing."""
        wanted = [offer for offer in self.offers if offer.mode == self.ask.security.value]
        return next((offer.certificate for offer in (*wanted, *self.offers) if offer.certificate), self.shown)

    @property
    def learned_now(self) -> tuple[str, ...]:
        """What the next visit should know, from what the server has told."""
        return (*learned_from(self.posture.offered if self.posture else (), self.application, self.ask), *self.refusals)

    @property
    def to_carry(self) -> Path | None:
        """Our certificate that the server is to trust."""
        ours = self.following or self.own
        return ours.path if ours else None
