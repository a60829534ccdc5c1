"""Which steps a visit takes: pure, from the configuration, the trust folder and what the last visit learned.

Decides whether to look before asking for a session, and which security policy to open the channel with. Never connects.

    look     GetEndpoints on an unprotected channel. No session, no session slot.
    session  CreateSession to CloseSession. Its answer carries the endpoints, so a server known to agree is not asked twice.

Both share a channel where the session needs no protection. A protected session has a connection of its own; a look before it, or
after it was refused, takes another one, which happens only while it is not settled whose certificate is whose.

What is learned are words of our own that come back in the next `Ask`; unknown ones are ignored.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from protocols.contract import Ask, OfferedEndpoint, Security
from protocols.opcua.posture import Application

NONE = "None"
POLICIES = ("Aes256_Sha256_RsaPss", "Basic256Sha256", "Aes128_Sha256_RsaOaep")  # strongest first
DEPRECATED = ("Basic256", "Basic128Rsa15")  # rest on SHA-1: only where the plant file says that they will do
USUAL_POLICY = "Basic256Sha256"  # the one that nearly every server has; for a first visit with a pinned certificate

OPEN_SESSION = "open-session"  # a session without security worked: no need to look first
LOOK_FIRST = "look-first"  # the server refused: what was learned before may no longer be so
POLICY = "policy="  # the strongest policy that both know
NAME, URI, PRODUCT = "name=", "uri=", "product="  # of the application: a session's list of endpoints may leave them out


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The steps of one visit.

    Attributes:
        policy: Security policy of the channel, by its short name.
        look: Ask for the endpoints first.
        session: Go on to a session on the same channel.
    """

    policy: str
    look: bool
    session: bool


def plan(ask: Ask, *, pinned: bool) -> Plan:
    """Choose the steps.

    A server whose certificate is not pinned gets no session on a protected channel: nothing would prove who it is.

    Args:
        ask: What is asked.
        pinned: Whether the trust folder holds a certificate for this endpoint.
    """
    if ask.security is Security.NONE:
        return Plan(policy=NONE, look=OPEN_SESSION not in ask.learned, session=True)
    if not pinned:
        return Plan(policy=NONE, look=True, session=False)
    return Plan(policy=_learned_policy(ask), look=False, session=True)


def strongest_policy(offered: Iterable[OfferedEndpoint], ask: Ask) -> str | None:
    """The strongest policy that the server offers in the wanted mode and that may be used, or None."""
    theirs = {endpoint.policy for endpoint in offered if endpoint.mode == ask.security.value}
    return next((policy for policy in usable_policies(ask) if policy in theirs), None)


def usable_policies(ask: Ask) -> tuple[str, ...]:
    """The policies that a channel may have, strongest first."""
    if ask.security is Security.NONE:
        return (NONE,)
    return (*POLICIES, *DEPRECATED) if ask.deprecated_policies else POLICIES


def learned_from(offered: Iterable[OfferedEndpoint], application: Application, ask: Ask) -> tuple[str, ...]:
    """What the next visit should know after a session that worked, or after a look."""
    policy = strongest_policy(offered, ask)
    if policy is None:
        return ()
    way = OPEN_SESSION if policy == NONE else POLICY + policy
    told = ((NAME, application.name), (URI, application.uri), (PRODUCT, application.product_uri))
    return (way, *(prefix + text for prefix, text in told if text))


def remembered(learned: Iterable[str]) -> Application:
    """Who the server said it was when it was last asked."""
    words = tuple(learned)
    name, uri, product = (
        next((word.removeprefix(prefix) for word in words if word.startswith(prefix)), "") for prefix in (NAME, URI, PRODUCT)
    )
    return Application(name=name, uri=uri, product_uri=product)


def _learned_policy(ask: Ask) -> str:
    known = (word.removeprefix(POLICY) for word in ask.learned if word.startswith(POLICY))
    return next((policy for policy in known if policy in usable_policies(ask)), USUAL_POLICY)
