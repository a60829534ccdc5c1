"""One visit: the steps in order, and one answer whatever happens.

Decides which step follows which. Never raises for anything that a server does; raises `ForbiddenRequestError` if the read-only
guard fired.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from asyncua import ua
from asyncua.crypto import security_policies
from asyncua.crypto.security_policies import SecurityPolicy
from asyncua.ua.uaerrors import UaStatusCodeError
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from protocols.contract import Answer, Ask, Limits, Security
from protocols.errors import (
    ForbiddenRequestError,
    ReadError,
    RefusedError,
    SilentError,
    UntrustedError,
)
from protocols.opcua import acceptance, decode, remedy, trust
from protocols.opcua.certificates import describe, first_of_chain, to_der
from protocols.opcua.discover import discover
from protocols.opcua.faults import forgiven
from protocols.opcua.guard import ReadOnlyViolationError
from protocols.opcua.login import choose, load_user
from protocols.opcua.meter import Meter
from protocols.opcua.own import next_identity, own_identity
from protocols.opcua.plan import DEPRECATED, NONE, plan, remembered, strongest_policy
from protocols.opcua.progress import Progress, Protection
from protocols.opcua.session import CLOSE_S, Channel, activate, endpoint_in_use, open_channel, open_session
from protocols.opcua.verdict import failed, in_question, refuses_ours, succeeded

ANYONE = "urn:nameplated"  # our application URI where no certificate stands behind it
MAX_SERVERS = 64

_POLICIES: dict[str, type[SecurityPolicy]] = {
    "Basic256Sha256": security_policies.SecurityPolicyBasic256Sha256,
    "Aes128_Sha256_RsaOaep": security_policies.SecurityPolicyAes128Sha256RsaOaep,
    "Aes256_Sha256_RsaPss": security_policies.SecurityPolicyAes256Sha256RsaPss,
    "Basic256": security_policies.SecurityPolicyBasic256,
    "Basic128Rsa15": security_policies.SecurityPolicyBasic128Rsa15,
}
_MODES = {
    Security.SIGN: ua.MessageSecurityMode.Sign,
    Security.SIGN_AND_ENCRYPT: ua.MessageSecurityMode.SignAndEncrypt,
}


async def visit(ask: Ask, pki: Path, *, now: datetime, clock: Callable[[], float]) -> Answer:
    """Look at one OPC UA server: one connection, and up to three more while it is not settled whose certificate is whose.

    Args:
        ask: Where, and what it may cost.
        pki: The trust folder.
        now: The present in UTC: certificates are judged by it.
        clock: Monotonic seconds.

    Raises:
        ForbiddenRequestError: The read-only guard fired.
    """
    this = Progress(ask, pki, now, Meter(clock, ask.limits.max_requests), application=remembered(ask.learned))
    try:
        async with asyncio.timeout(_talking_s(ask.limits)):
            await _talk(this)
    except TimeoutError:
        return failed(this, SilentError(f"the server did not answer everything within {ask.limits.visit_s:g} s"))
    except ReadError as error:
        return failed(this, error)
    except ReadOnlyViolationError as error:
        raise ForbiddenRequestError(str(error)) from error
    return succeeded(this)


async def _talk(this: Progress) -> None:
    """Connect, look if need be, and read inside a session."""
    ask, endpoint = this.ask, this.ask.endpoint
    if ask.security is not Security.NONE:
        this.pinned = trust.pinned(this.pki, endpoint.host, endpoint.port, this.now)
        _choose_ours(this)
    this.user = load_user(ask)
    steps = plan(ask, pinned=this.pinned is not None)
    if steps.policy == NONE:
        async with open_channel(endpoint, _policy(this, NONE), ask.limits, this.meter) as channel:
            if steps.look:
                await _look(this, channel)
            if steps.session:
                await _read(this, channel, NONE)
                return
        await _show_ours(this, _recognised(this))
        return
    try:
        await _show_ours(this, steps.policy)
    except ReadError as refusal:
        if not in_question(this, refusal):
            raise
        await _look_again(this, steps.policy, refusal)


def _choose_ours(this: Progress) -> None:
    """Which of our certificates the server is shown, and in which order."""
    endpoint, learned = this.ask.endpoint, this.ask.learned
    own, this.following = own_identity(this.pki, this.now), next_identity(this.pki)
    known = this.following is not None and acceptance.accepts(this.pki, endpoint.host, endpoint.port, this.following) is not None
    this.ours = acceptance.shown(own, this.following, accepted=known, learned=learned, now=this.now)
    this.own = this.ours[0]
    this.refusals = acceptance.fresh_refusals(learned, this.now) if this.own is own else ()


async def _show_ours(this: Progress, policy: str) -> None:
    """Read with the first of our certificates that the server accepts.

    Raises:
        ReadError: It accepts none of them, or anything else.
    """
    host, port = this.ask.endpoint.host, this.ask.endpoint.port
    for ours in this.ours:
        this.own = ours
        try:
            await _read_protected(this, policy)
        except ReadError as error:
            if not refuses_ours(this, error):
                raise
            acceptance.forget(this.pki, host, port, ours)
            last = ours is this.ours[-1]
            this.refusals = () if last else (acceptance.refusal(this.now),)  # a server that refuses both is shown both again
            if last:
                raise
        else:
            return


async def _read_protected(this: Progress, policy: str) -> None:
    """One protected channel with a session in it."""
    protection = _policy(this, policy)
    this.protection = Protection.ASKED
    async with open_channel(this.ask.endpoint, protection, this.ask.limits, this.meter) as channel:
        this.protection = Protection.STANDS
        await _read(this, channel, policy)


async def _look_again(this: Progress, refused: str, refusal: ReadError) -> None:
    """A trusted server did not open a protected channel: ask it what it offers now, and try once more if that is something else.

    Raises:
        ReadError: It offers just what it refused, or its certificate is another one now.
    """
    trusted = this.pinned
    this.protection = Protection.NOT_ASKED
    async with open_channel(this.ask.endpoint, _policy(this, NONE), this.ask.limits, this.meter) as channel:
        await _look(this, channel)
    policy = _recognised(this)
    if (policy, this.pinned) == (refused, trusted):
        this.protection = Protection.ASKED
        raise refusal
    await _read_protected(this, policy)


async def _look(this: Progress, channel: Channel) -> None:
    """Ask what the server offers.

    Raises:
        RefusedError: Nothing of it is what the plant file wants.
    """
    await _take(this, channel, await channel.endpoints())
    offered = this.posture.offered if this.posture else ()
    if strongest_policy(offered, this.ask) is None:
        raise RefusedError(remedy.nothing_usable(this.offers, this.ask))
    if this.ask.security is not Security.NONE:
        this.learned = this.learned_now


async def _take(this: Progress, channel: Channel, endpoints: Sequence[ua.EndpointDescription]) -> None:
    """Keep what the server offers; one that seems to know other servers is asked which, once."""
    this.saw(endpoints)
    if this.application.knows_others and this.others is None:
        this.others = ()
        with forgiven():
            this.others = tuple(decode.described(server) for server in decode.listed(await channel.servers(), MAX_SERVERS))
        this.saw(endpoints)


def _recognised(this: Progress) -> str:
    """After a look that found a policy: that policy, if the server's certificate is one that may be trusted.

    Raises:
        UntrustedError: It is not; the sentence says what to do.
    """
    endpoint, der = this.ask.endpoint, this.certificate_offered
    certificate = describe(der)
    policy = strongest_policy(this.posture.offered if this.posture else (), this.ask)
    if certificate is None or policy is None or this.to_carry is None:
        raise UntrustedError("the server offers a secure endpoint without a certificate that can be read")
    if this.pinned is None or to_der(this.pinned) != der:
        reason = trust.why_untrusted(this.pki, endpoint.host, endpoint.port, der, this.now)
        if reason:
            trust.keep_pending(this.pki, endpoint.host, endpoint.port, der)
            raise UntrustedError(remedy.how_to_trust(certificate, this.pki, this.to_carry, reason))
        trust.recognise(this.pki, endpoint.host, endpoint.port, der)
        this.pinned = x509.load_der_x509_certificate(der)
    return policy


async def _read(this: Progress, channel: Channel, policy: str) -> None:
    """Inside a session: log in and read. A server that gives no session is asked what it offers, if it has not told yet."""
    ask = this.ask
    uri = this.own.application_uri if this.own else ANYONE
    try:
        async with open_session(channel, uri) as created:
            this.created = True
            this.shown = first_of_chain(created.ServerCertificate)
            if created.ServerEndpoints or not this.offers:
                # Some servers leave the list out of this answer; then it is asked for, for the names of the tokens.
                await _take(this, channel, created.ServerEndpoints or await channel.endpoints())
            offer = endpoint_in_use(this.offers, policy, ask.security.value, this.user.kind)
            await activate(channel, created, this.user, choose(offer, this.user, ask))
            if this.own is not None:
                acceptance.note(this.pki, ask.endpoint.host, ask.endpoint.port, this.own)
            this.learned = this.learned_now
            await discover(channel, this.discovery)
    except UaStatusCodeError:
        if not this.created and not this.offers:
            with forgiven():
                await _take(this, channel, await channel.endpoints())
        raise
    if policy in DEPRECATED:
        this.discovery.remarks.add(f"deprecated-policy-used: {policy}")


def _policy(this: Progress, name: str) -> SecurityPolicy:
    """The policy object that asyncua wants. Never an unprotected one where protection was asked for."""
    none: Callable[[], SecurityPolicy] = security_policies.SecurityPolicyNone  # whose constructor has no types
    if name == NONE:
        return none()
    if this.own is None or this.pinned is None or not isinstance(this.pinned.public_key(), rsa.RSAPublicKey):
        raise UntrustedError("the pinned certificate has no RSA key, and the policies that are known need one")
    return _POLICIES[name](this.pinned, this.own.certificate, this.own.key, _MODES[this.ask.security])


def _talking_s(limits: Limits) -> float:
    """What is left of the visit when time for closing is kept back."""
    closing_s = 2 * (CLOSE_S + limits.gap_s)
    return limits.visit_s - min(closing_s, limits.visit_s / 2)
