"""One visit: the steps in order, and one answer whatever happens.

Decides what a failure means for the operator and what the next visit should know. Never raises for anything that a server
does; raises `ForbiddenRequestError` if the read-only guard fired.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from asyncua import ua
from asyncua.crypto import security_policies
from asyncua.crypto.security_policies import SecurityPolicy
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from protocols.contract import Answer, Ask, Limits, Outcome, Posture, Security
from protocols.errors import ForbiddenRequestError, MalformedError, ReadError, RefusedError, SilentError, UntrustedError
from protocols.opcua import decode, trust
from protocols.opcua.discover import Discovery, discover
from protocols.opcua.guard import ReadOnlyViolationError
from protocols.opcua.identity import Identity, identify
from protocols.opcua.meter import Meter
from protocols.opcua.plan import IN_QUESTION, NONE, learned_from, plan, strongest_policy
from protocols.opcua.posture import Application, Offer, offers_anonymous, posture
from protocols.opcua.session import CLOSE_S, Channel, activate, endpoint_in_use, open_channel, open_session

ANYONE = "urn:nameplated"  # our application URI where no certificate stands behind it

_POLICIES: dict[str, type[SecurityPolicy]] = {
    "Basic256Sha256": security_policies.SecurityPolicyBasic256Sha256,
    "Aes128_Sha256_RsaOaep": security_policies.SecurityPolicyAes128Sha256RsaOaep,
    "Aes256_Sha256_RsaPss": security_policies.SecurityPolicyAes256Sha256RsaPss,
}
_MODES = {
    Security.SIGN: ua.MessageSecurityMode.Sign,
    Security.SIGN_AND_ENCRYPT: ua.MessageSecurityMode.SignAndEncrypt,
}


@dataclass(slots=True)
class _Visit:
    """What is asked, and what the visit has brought up to now."""

    ask: Ask
    pki: Path
    now: datetime
    meter: Meter
    pinned: x509.Certificate | None = None
    own: trust.Own | None = None
    application: Application = field(default_factory=Application)
    offers: tuple[Offer, ...] = ()
    posture: Posture | None = None
    created: bool = False
    learned: tuple[str, ...] | None = None
    discovery: Discovery = field(default_factory=Discovery)

    def saw(self, endpoints: Sequence[ua.EndpointDescription]) -> None:
        """The server has told what it offers."""
        self.application = decode.application(endpoints)
        self.offers = decode.offers(endpoints)
        der = self.certificate_offered()
        self.posture = posture(self.application, self.offers, trust.describe(der) if der else None, self.now)

    def certificate_offered(self) -> bytes:
        """The certificate of the endpoints in the wanted mode, else of any, else nothing."""
        wanted = [offer for offer in self.offers if offer.mode == self.ask.security.value]
        return next((offer.certificate for offer in (*wanted, *self.offers) if offer.certificate), b"")


async def visit(ask: Ask, pki: Path, *, now: datetime, clock: Callable[[], float]) -> Answer:
    """Look at one OPC UA server over one connection.

    Args:
        ask: Where, and what it may cost.
        pki: The trust folder.
        now: The present in UTC: certificates are judged by it.
        clock: Monotonic seconds.

    Raises:
        ForbiddenRequestError: The read-only guard fired.
    """
    this = _Visit(ask, pki, now, Meter(clock, ask.limits.max_requests))
    try:
        async with asyncio.timeout(_talking_s(ask.limits)):
            await _talk(this)
    except TimeoutError:
        return _failed(this, SilentError(f"the server did not answer everything within {ask.limits.visit_s:g} s"))
    except ReadError as error:
        return _failed(this, error)
    except ReadOnlyViolationError as error:
        raise ForbiddenRequestError(str(error)) from error
    return _succeeded(this)


async def _talk(this: _Visit) -> None:
    """Connect, look if need be, and read inside a session."""
    ask, endpoint = this.ask, this.ask.endpoint
    if ask.security is not Security.NONE:
        this.pinned = trust.pinned(this.pki, endpoint.host, endpoint.port)
        this.own = trust.own_identity(this.pki, this.now)
    steps = plan(ask, pinned=this.pinned is not None)
    async with open_channel(endpoint, _policy(this, steps.policy), ask.limits, this.meter) as channel:
        if steps.look:
            this.saw(await channel.endpoints())
            _judge(this)
        if steps.session:
            await _read(this, channel, steps.policy)


def _judge(this: _Visit) -> None:
    """After a look: stop with a sentence that says what to do, unless a session without security may follow.

    Raises:
        RefusedError: The server does not offer what is configured.
        UntrustedError: A certificate stands in between.
    """
    security = this.ask.security
    offered = this.posture.offered if this.posture else ()
    if strongest_policy(offered, security) is None:
        raise RefusedError(f'the server offers nothing that security = "{security.value}" could use; {_remedy(this.offers)}')
    if security is Security.NONE:
        return
    this.learned = learned_from(offered, security)
    raise UntrustedError(_how_to_trust(this))


def _remedy(offers: Sequence[Offer]) -> str:
    """The line to set, from the strongest mode that is offered."""
    modes = {offer.mode for offer in offers}
    best = next((mode for mode in ("sign-and-encrypt", "sign", "none") if mode in modes), None)
    return f'set security = "{best}" for this asset' if best else "it offers no endpoint at all"


def _how_to_trust(this: _Visit) -> str:
    """One line for a person: whose certificate is not trusted by whom, and what to do."""
    endpoint, der = this.ask.endpoint, this.certificate_offered()
    name = trust.pending_stem(endpoint.host, endpoint.port, der)
    ours = this.own.path if this.own else ""
    if not der or trust.describe(der) is None:
        return "the server offers a secure endpoint without a certificate that can be read"
    if this.pinned is not None and trust.to_der(this.pinned) == der:
        return f"the server shows the pinned certificate and refused our channel: let it trust ours, {ours}"
    if trust.lies_in_trusted(this.pki, der):
        return f"the server's certificate is trusted under another file name: name it {name}.der in {this.pki / 'trusted'}"
    file = trust.keep_pending(this.pki, endpoint.host, endpoint.port, der)
    thumbprint = this.posture.certificate.thumbprint_sha256 if this.posture and this.posture.certificate else ""
    change = "has changed and is" if this.pinned is not None else "is"
    return (
        f"the server's certificate {change} not trusted: compare its SHA-256 thumbprint {thumbprint} on the device, then move "
        f"{file} to {this.pki / 'trusted'}, and let the server trust ours, {ours}"
    )


async def _read(this: _Visit, channel: Channel, policy: str) -> None:
    """Inside a session: log in as nobody and read."""
    security = this.ask.security
    uri = this.own.application_uri if this.own else ANYONE
    async with open_session(channel, uri) as created:
        this.created = True
        if not this.offers:
            # Some servers leave the list out of this answer; then it is asked for, for the name of the anonymous token.
            this.saw(created.ServerEndpoints or await channel.endpoints())
        offer = endpoint_in_use(this.offers, policy, security.value)
        if offer is not None and not offers_anonymous(offer):
            raise RefusedError("the server lets nobody in without a user name or a certificate of a user")
        await activate(channel, created, offer)
        this.learned = learned_from(this.posture.offered if this.posture else (), security)
        await discover(channel, this.discovery)


def _policy(this: _Visit, name: str) -> SecurityPolicy:
    """The policy object that asyncua wants."""
    none: Callable[[], SecurityPolicy] = security_policies.SecurityPolicyNone  # whose constructor has no types
    if name == NONE or this.pinned is None or this.own is None:
        return none()
    if not isinstance(this.pinned.public_key(), rsa.RSAPublicKey):
        raise UntrustedError("the pinned certificate has no RSA key, and the policies that are known need one")
    return _POLICIES[name](this.pinned, this.own.certificate, this.own.key, _MODES[this.ask.security])


def _succeeded(this: _Visit) -> Answer:
    """A session was held, and everything was read that there was."""
    identity = _identity(this)
    return Answer(
        outcome=Outcome.IDENTIFIED if identity.facts else Outcome.ANONYMOUS,
        detail=identity.basis.value,
        facts=identity.facts,
        components=identity.components,
        children=identity.children,
        posture=this.posture,
        remarks=tuple(sorted(this.discovery.remarks)),
        learned=this.learned or (),
        ledger=this.meter.ledger(),
    )


def _failed(this: _Visit, error: ReadError) -> Answer:
    """A nameplate read by half would look like a change of the device: it is left out. What is whole is kept."""
    return Answer(
        outcome=error.outcome,
        detail=_with_remedy(this, error),
        components=_identity(this).components,
        posture=this.posture,
        remarks=tuple(sorted(this.discovery.remarks)),
        learned=_learned_from_failure(this, error),
        ledger=this.meter.ledger(),
    )


def _with_remedy(this: _Visit, error: ReadError) -> str:
    """A server that refuses a protected channel before anything was said most often does not trust us yet."""
    if isinstance(error, UntrustedError) and this.own is not None and this.pinned is not None and this.posture is None:
        return f"{error}: let it trust our certificate, {this.own.path}; if its own has changed, the next visit will tell"
    return str(error)


def _learned_from_failure(this: _Visit, error: ReadError) -> tuple[str, ...]:
    if this.learned is not None:
        return this.learned
    match error:
        case RefusedError() | UntrustedError() | MalformedError():
            in_question = this.pinned is not None and not this.created
            return (IN_QUESTION,) if in_question else ()
        case _:
            return this.ask.learned


def _identity(this: _Visit) -> Identity:
    speaks_for_others = bool(this.application.gateway_uri) or this.discovery.servers > 1
    return identify(this.discovery.build, this.discovery.devices, speaks_for_others=speaks_for_others)


def _talking_s(limits: Limits) -> float:
    """What is left of the visit when time for closing is kept back."""
    closing_s = 2 * (CLOSE_S + limits.gap_s)
    return limits.visit_s - min(closing_s, limits.visit_s / 2)
