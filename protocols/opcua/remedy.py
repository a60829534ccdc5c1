"""Sentences that say what to do: which line to set, which certificate to compare, which file to carry. Pure.

Decides words only. Never says that something may be trusted; it says what a person has to compare first.
"""

from collections.abc import Sequence
from pathlib import Path

from protocols.contract import Ask, Certificate
from protocols.opcua.plan import DEPRECATED, POLICIES
from protocols.opcua.posture import Offer

MODES = ("sign-and-encrypt", "sign")  # strongest first


def nothing_usable(offers: Sequence[Offer], ask: Ask) -> str:
    """The server does not offer what the plant file wants: what it offers, and the line to set."""
    wanted = ask.security.value
    if not offers:
        return "the server offers no endpoint at all"
    policies = {offer.policy for offer in offers if offer.mode == wanted}
    if policies & {*DEPRECATED}:
        return (
            f"the server offers {wanted} only with deprecated policies ({', '.join(sorted(policies))}): bring it up to date, "
            "or write deprecated_policies = true for this asset"
        )
    if policies:
        return f"the server offers {wanted} only with policies that are not known here ({', '.join(sorted(policies))})"
    best = _best_mode(offers)
    hint = f'set security = "{best}" for this asset' if best else "none of its modes is known here"
    return f'the server offers nothing that security = "{wanted}" could use; {hint}'


def how_to_trust(certificate: Certificate, pki: Path, ours: Path, reason: str) -> str:
    """One line for a person: whose certificate is not trusted, and what to do about it."""
    thumbprint = certificate.thumbprint_sha256
    change = "has changed and is" if reason == "it is not the pinned one" else "is"
    return (
        f"the server's certificate {change} not trusted ({reason}): compare its SHA-256 thumbprint {thumbprint} on the device, "
        f"then run nameplated opcua trust accept {thumbprint[:16]} --pki-dir {pki}, and let the server trust ours, {ours}"
    )


def let_it_trust_us(refusal: str, ours: Path, *, settled: bool) -> str:
    """The server refused a protected channel.

    Args:
        refusal: What it said.
        ours: Our certificate.
        settled: Whether the server has shown that its own certificate is still the trusted one.
    """
    if settled:
        return f"{refusal}: its own certificate is trusted here, so let it trust ours, {ours}, or the one that it has put among the rejected"
    return f"{refusal}: let it trust our certificate, {ours}; whether its own has changed, it did not tell"


def _best_mode(offers: Sequence[Offer]) -> str | None:
    """The strongest mode that could be used, none of security last."""
    usable = {offer.mode for offer in offers if offer.policy in (*POLICIES, *DEPRECATED)}
    modes = (*(mode for mode in MODES if mode in usable), *("none" for offer in offers if offer.mode == "none"))
    return next(iter(modes), None)
