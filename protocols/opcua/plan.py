"""Which steps a visit takes: pure, from the configuration, the trust folder and what the last visit learned.

Decides whether to look before asking for a session, and which security policy to open the channel with. Never connects.

    look     GetEndpoints on an unprotected channel. No session, no session slot.
    session  CreateSession to CloseSession. Its answer carries the endpoints, so a server known to agree is not asked twice.

What is learned are words of our own that come back in the next `Ask`; unknown ones are ignored.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from protocols.contract import Ask, OfferedEndpoint, Security

NONE = "None"
POLICIES = ("Aes256_Sha256_RsaPss", "Basic256Sha256", "Aes128_Sha256_RsaOaep")  # strongest first
USUAL_POLICY = "Basic256Sha256"  # the one that nearly every server has; for a first visit with a pinned certificate

OPEN_SESSION = "open-session"  # a session without security worked: no need to look first
IN_QUESTION = "certificate-in-question"  # a protected channel failed: look before trying again
POLICY = "policy="  # the strongest policy that both know


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The steps of one visit.

    Attributes:
        policy: Security policy of the channel, by its short name.
        look: Ask for the endpoints first.
        session: Go on to a session.
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
    if not pinned or IN_QUESTION in ask.learned:
        return Plan(policy=NONE, look=True, session=False)
    return Plan(policy=_learned_policy(ask.learned), look=False, session=True)


def strongest_policy(offered: Iterable[OfferedEndpoint], security: Security) -> str | None:
    """The strongest policy that the server offers in this mode and that we know, or None."""
    theirs = {endpoint.policy for endpoint in offered if endpoint.mode == security.value}
    if security is Security.NONE:
        return NONE if NONE in theirs else None
    return next((policy for policy in POLICIES if policy in theirs), None)


def learned_from(offered: Iterable[OfferedEndpoint], security: Security) -> tuple[str, ...]:
    """What the next visit should know after a session that worked, or after a look."""
    policy = strongest_policy(offered, security)
    if security is Security.NONE:
        return (OPEN_SESSION,) if policy else ()
    return (POLICY + policy,) if policy else ()


def _learned_policy(learned: Iterable[str]) -> str:
    known = (word.removeprefix(POLICY) for word in learned if word.startswith(POLICY))
    return next((policy for policy in known if policy in POLICIES), USUAL_POLICY)
