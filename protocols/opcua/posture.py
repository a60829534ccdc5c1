"""What an OPC UA server says of its own security, and what of it deserves attention: pure.

Decides findings. Never reads a clock (`now` is an argument) and never judges the plant: a finding is a fact with a name.

Source: OPC 10000-4 sections 7.14 (endpoints) and 7.41 (user tokens), OPC 10000-7 (policies; Basic128Rsa15 and Basic256 are
deprecated there), OPC 10000-6 section 6.2 (application instance certificates).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from protocols.contract import Certificate, OfferedEndpoint, Posture

DEPRECATED_POLICIES = frozenset({"Basic128Rsa15", "Basic256"})
EXPIRES_SOON = timedelta(days=90)
LEAST_RSA_BITS = 2048
CURVE_BITS = frozenset({253, 255, 256, 384, 448, 456, 521})  # key sizes of elliptic curves, which are short and sound
BROKEN_HASHES = frozenset({"md5", "sha1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One way to say who you are.

    Attributes:
        kind: "anonymous", "username", "certificate", "issued", or "unknown".
        policy: Short name of the policy that protects the secret; the endpoint's own where the token names none.
        policy_id: The server's name for it, to be sent back as it came.
    """

    kind: str
    policy: str
    policy_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One endpoint that a server offers, cleaned.

    Attributes:
        url: As the server writes it; often unreachable from here.
        policy: Short name of the security policy.
        mode: "none", "sign", "sign-and-encrypt", or "invalid".
        tokens: How a user may log in.
        certificate: The server's certificate, DER, first of its chain; empty if there is none.
    """

    url: str
    policy: str
    mode: str
    tokens: tuple[Token, ...]
    certificate: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """Who the server says it is.

    Attributes:
        gateway_uri: Set when the server speaks for devices behind it.
        discovers: It is a discovery server: others have told it where they are.
    """

    name: str = ""
    uri: str = ""
    product_uri: str = ""
    gateway_uri: str = ""
    discovers: bool = False

    def completed_by(self, other: "Application") -> "Application":
        """Fill what is empty here: CreateSession's list of endpoints may leave out what GetEndpoints tells."""
        return replace(
            self, name=self.name or other.name, uri=self.uri or other.uri, product_uri=self.product_uri or other.product_uri
        )

    @property
    def knows_others(self) -> bool:
        """Whether it is worth asking which servers it knows: it says that it speaks for them, or not even who it is itself."""
        return self.discovers or bool(self.gateway_uri) or not self.uri


def posture(
    application: Application,
    offers: Sequence[Offer],
    certificate: Certificate | None,
    now: datetime,
    *,
    others: Sequence[Application] = (),
) -> Posture:
    """Put together what the server says, and name what deserves attention.

    Args:
        application: Who it says it is.
        offers: How it may be reached.
        certificate: Its own, if it has one.
        now: The present, in UTC.
        others: Servers that it knows, itself perhaps among them.
    """
    found = {*_endpoint_findings(offers)}
    if certificate is not None:
        found.update(_certificate_findings(certificate, application.uri, now))
    return Posture(
        application_name=application.name,
        application_uri=application.uri,
        product_uri=application.product_uri,
        offered=tuple(_offered(offer) for offer in offers),
        certificate=certificate,
        findings=tuple(sorted(found)),
        others=tuple(sorted({other.uri for other in others if other.uri} - {application.uri})),
    )


def offers_anonymous(offer: Offer) -> bool:
    """Whether this endpoint lets anyone in."""
    return any(token.kind == "anonymous" for token in offer.tokens)


def _offered(offer: Offer) -> OfferedEndpoint:
    tokens = tuple(token.kind if token.policy == offer.policy else f"{token.kind}/{token.policy}" for token in offer.tokens)
    return OfferedEndpoint(url=offer.url, policy=offer.policy, mode=offer.mode, user_tokens=tokens)


def _endpoint_findings(offers: Sequence[Offer]) -> Iterator[str]:
    bare = [offer for offer in offers if offer.mode == "none"]
    if bare:
        yield "no-security"
    if bare and len(bare) == len(offers):
        yield "no-security-only"
    if any(offers_anonymous(offer) for offer in offers):
        yield "anonymous-access"
    if any(offers_anonymous(offer) for offer in bare):
        yield "anonymous-without-security"
    if any(_password_in_clear(offer) for offer in offers):
        yield "cleartext-password"
    if any(offer.policy in DEPRECATED_POLICIES for offer in offers):
        yield "deprecated-policy"


def _password_in_clear(offer: Offer) -> bool:
    """A password without protection of its own is safe only inside an encrypted channel."""
    unprotected = any(token.kind == "username" and token.policy == "None" for token in offer.tokens)
    return unprotected and offer.mode != "sign-and-encrypt"


def _certificate_findings(certificate: Certificate, application_uri: str, now: datetime) -> Iterator[str]:
    not_after = datetime.fromisoformat(certificate.not_after)
    if now > not_after:
        yield "certificate-expired"
    elif now > not_after - EXPIRES_SOON:
        yield "certificate-expires-soon"
    if certificate.key_bits < LEAST_RSA_BITS and certificate.key_bits not in CURVE_BITS:
        yield "short-key"
    if certificate.signature_hash in BROKEN_HASHES:
        yield "sha1-signature"
    if certificate.application_uri != application_uri:
        yield "uri-mismatch"
