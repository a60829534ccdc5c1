"""One connection, one secure channel, at most one session: opened in order, and always closed in order.

Decides how a conversation begins and ends. Never keeps anything alive: no subscription, renewal, watchdog or reconnect; a
session lives for a handful of reads, and asks for a time-out of one minute in case we die. Whatever happens in between, the
session is closed, the channel is closed, and the connection ends with a FIN.

Source: OPC 10000-4 sections 5.6 (secure channel) and 5.7 (session), OPC 10000-6 section 7.1 (connection).
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from asyncua import ua
from asyncua.client.ua_client import UaClient
from asyncua.common.utils import create_nonce
from asyncua.crypto.security_policies import SecurityPolicy
from asyncua.ua.uaerrors import UaStatusCodeError
from cryptography.exceptions import InvalidSignature

from protocols.contract import Endpoint, Limits
from protocols.errors import RefusedError, UnreachableError, UntrustedError
from protocols.opcua import guard
from protocols.opcua.certificates import first_of_chain
from protocols.opcua.faults import FAULTS, blame, forgiven, refuses_the_user, status_name
from protocols.opcua.login import User, identity, who
from protocols.opcua.meter import Meter
from protocols.opcua.posture import Offer, Token
from protocols.text import clean_text

SESSION_TIMEOUT_MS = 60_000  # some servers have one hour of session time for all clients together
CHANNEL_LIFETIME_MS = 60_000
CLOSE_S = 1.0  # for the server to answer CloseSession, and again for the FIN
NONCE_BYTES = 32
PRODUCT_URI = "urn:nameplated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """An open secure channel.

    Attributes:
        client: asyncua's services, behind the guard.
        policy: How it is protected.
        url: What this server is called in requests: always the configured host and port.
    """

    client: UaClient
    policy: Any  # a SecurityPolicy, whose methods have no types
    url: str
    meter: Meter
    gap_s: float

    async def pause(self) -> None:
        """Keep the gap since the last answer. Before every request."""
        await asyncio.sleep(self.meter.pause_s(self.gap_s))

    async def endpoints(self) -> list[ua.EndpointDescription]:
        """What the server offers. Needs no session."""
        await self.pause()
        endpoints: list[ua.EndpointDescription] = await self.client.get_endpoints(ua.GetEndpointsParameters(EndpointUrl=self.url))
        return endpoints

    async def servers(self) -> list[ua.ApplicationDescription]:
        """Which servers this one knows. Needs no session."""
        await self.pause()
        servers: list[ua.ApplicationDescription] = await self.client.find_servers(ua.FindServersParameters(EndpointUrl=self.url))
        return servers


@asynccontextmanager
async def open_channel(endpoint: Endpoint, policy: SecurityPolicy, limits: Limits, meter: Meter) -> AsyncIterator[Channel]:
    """Connect and open a secure channel; inside, every failure is a `ReadError` or a guard violation.

    Raises:
        UnreachableError: No connection.
        ReadError: Any other, from the opening or from the body.
    """
    await asyncio.sleep(meter.pause_s(limits.gap_s))  # since the end of an earlier connection of this visit
    try:
        client = await guard.connect(
            endpoint.host, endpoint.port, policy=policy, meter=meter,
            connect_s=limits.connect_timeout_s, answer_s=limits.response_timeout_s,
        )  # fmt: skip
    except OSError as error:
        raise UnreachableError(f"no connection: {_why(error)}") from error
    protocol = guard.protocol_of(client)
    channel = Channel(client=client, policy=policy, url=url_of(endpoint), meter=meter, gap_s=limits.gap_s)
    try:
        await _open(channel)
        try:
            yield channel
        finally:
            await _close_channel(channel)
    except FAULTS as error:
        raise blame(error, protocol.fault) from error
    finally:
        await _hang_up(protocol)


@asynccontextmanager
async def open_session(channel: Channel, application_uri: str) -> AsyncIterator[ua.CreateSessionResult]:
    """Create a session, prove that the server is who its certificate says, and close the session at the end.

    The session is not activated yet: `activate` does that, once the answer has shown how to log in.

    Raises:
        UntrustedError: The server could not prove that it holds the key of the pinned certificate.
    """
    nonce = create_nonce(NONCE_BYTES)
    await channel.pause()
    created = await channel.client.create_session(_session_parameters(channel, application_uri, nonce))
    try:
        _prove(channel.policy, created, nonce)
        yield created
    finally:
        await _close_session(channel)


async def activate(channel: Channel, created: ua.CreateSessionResult, user: User, token: Token) -> None:
    """Log in.

    Args:
        channel: Where the session was created.
        created: The server's answer to that.
        user: Who to log in as.
        token: The server's way in for this user.

    Raises:
        RefusedError: The server does not let this user in.
    """
    policy = channel.policy
    server, nonce = policy.peer_certificate or b"", created.ServerNonce or b""
    parameters = ua.ActivateSessionParameters(LocaleIds=["en"])
    parameters.UserIdentityToken, parameters.UserTokenSignature = identity(user, token, server, nonce)
    if server:
        parameters.ClientSignature.Algorithm = policy.AsymmetricSignatureURI
        parameters.ClientSignature.Signature = policy.asymmetric_cryptography.signature(server + nonce)
    await channel.pause()
    try:
        await channel.client.activate_session(parameters)
    except UaStatusCodeError as error:
        if refuses_the_user(error):
            said = status_name(int(error.code or 0))
            raise RefusedError(f"the server does not let {who(user)} in ({said}): look at what it knows of this user") from error
        raise


def url_of(endpoint: Endpoint) -> str:
    """The configured way to the server. What it calls itself is often a name that only its own network knows."""
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    return f"opc.tcp://{host}:{endpoint.port}{endpoint.path}"


def _why(error: OSError) -> str:
    """The system's own words: asyncio replaces them by the address."""
    match error:
        case TimeoutError():
            return "no answer within the connect timeout"
        case socket.gaierror():
            return str(error.strerror)
        case _:
            return os.strerror(error.errno) if error.errno else clean_text(str(error))


async def _open(channel: Channel) -> None:
    """Hello, then the secure channel."""
    await channel.client.send_hello(channel.url, guard.MAX_MESSAGE_BYTES, guard.MAX_CHUNKS)
    await channel.pause()
    await channel.client.open_secure_channel(
        ua.OpenSecureChannelParameters(
            ClientProtocolVersion=0,
            RequestType=ua.SecurityTokenRequestType.Issue,
            SecurityMode=channel.policy.Mode,
            ClientNonce=create_nonce(channel.policy.secure_channel_nonce_length),
            RequestedLifetime=CHANNEL_LIFETIME_MS,
        )
    )


def _session_parameters(channel: Channel, application_uri: str, nonce: bytes) -> ua.CreateSessionParameters:
    return ua.CreateSessionParameters(
        ClientDescription=ua.ApplicationDescription(
            ApplicationUri=application_uri,
            ProductUri=PRODUCT_URI,
            ApplicationName=ua.LocalizedText("nameplated"),
            ApplicationType=ua.ApplicationType.Client,
        ),
        EndpointUrl=channel.url,
        SessionName="nameplated",
        ClientNonce=nonce,
        ClientCertificate=channel.policy.host_certificate,
        RequestedSessionTimeout=SESSION_TIMEOUT_MS,
        MaxResponseMessageSize=guard.MAX_MESSAGE_BYTES,
    )


def _prove(policy: Any, created: ua.CreateSessionResult, nonce: bytes) -> None:
    """The server signed our certificate and nonce with the key of the pinned certificate."""
    if not policy.peer_certificate:
        return
    if first_of_chain(created.ServerCertificate) != policy.peer_certificate:
        raise UntrustedError("the session's certificate is not the one that is pinned")
    try:
        policy.asymmetric_cryptography.verify(policy.host_certificate + nonce, created.ServerSignature.Signature or b"")
    except InvalidSignature as error:
        raise UntrustedError("the server could not prove that it holds the key of its certificate") from error


async def _close_session(channel: Channel) -> None:
    """Give the session back. A server that does not answer loses nothing: the connection ends, the session times out."""
    with forgiven():
        async with asyncio.timeout(CLOSE_S + channel.gap_s):
            await channel.pause()
            await channel.client.close_session(delete_subscriptions=True)


async def _close_channel(channel: Channel) -> None:
    """Say goodbye; nobody answers that."""
    with forgiven():
        await channel.pause()
        await channel.client.close_secure_channel()


async def _hang_up(protocol: guard.GuardedProtocol) -> None:
    """FIN; and if what is still to be written cannot be, the hard way."""
    protocol.close()
    try:
        async with asyncio.timeout(CLOSE_S):
            await protocol.closed.wait()
    except TimeoutError:
        protocol.abort()
    await protocol.closed.wait()


def endpoint_in_use(offers: Sequence[Offer], policy: str, mode: str, kind: str) -> Offer | None:
    """The offered endpoint that a channel of this policy and mode belongs to; one that lets this kind of user in if several do."""
    fitting = [offer for offer in offers if (offer.policy, offer.mode) == (policy, mode)]
    willing = [offer for offer in fitting if any(token.kind == kind for token in offer.tokens)]
    return next(iter(willing or fitting), None)
