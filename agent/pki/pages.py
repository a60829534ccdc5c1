"""Certificates as a person reads them: thumbprints in the forms that other programs show, dates, and what to do next.

Decides layout and words. Never decides what is trusted, and takes nothing from outside but the width of the terminal.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from agent import screens
from protocols.opcua.certificates import describe, thumbprint, to_der
from protocols.opcua.own import RENEW_BEFORE, Own
from protocols.opcua.trust import Pending
from protocols.text import clean_text

MAX_NAMED = 5

Servers = Mapping[str, datetime | None]
"""`host:port` to since when it has accepted a certificate of ours, or None."""

_WHAT_TO_DO = (
    "Carry the next one to the servers (nameplated opcua cert export nameplated-next.der) and let it be trusted there, one by one, "
    "beside the one in use. Each is read all the while. Which have accepted it: nameplated opcua cert show. When all have: "
    "nameplated opcua cert finish."
)


def ours(own: Own, now: datetime) -> str:
    """Our own certificate, and whether it must be renewed."""
    left = own.certificate.not_valid_after_utc - now
    lines = [str(own.path), *_lines(own.certificate)]
    if left < RENEW_BEFORE:
        lines.append(f"It expires in {left.days} days: nameplated opcua cert renew")
    return "\n".join(lines) + "\n"


def renewal(own: Own, following: Own, servers: Servers, now: datetime) -> str:
    """Both of ours while a renewal is under way, and which servers have still to be visited by a person."""
    expires = own.certificate.not_valid_after_utc.date()
    said = [
        f"{own.path}, in use until a server accepts the next one",
        f"  SHA-256          {thumbprint(to_der(own.certificate))}",
        f"  valid            until {expires}, {(expires - now.date()).days} days more",
        "",
        f"{following.path}, the next one",
        *_lines(following.certificate),
        "",
        *_progress(servers),
    ]
    return "\n".join(said) + "\n"


def too_early(waiting: Sequence[str]) -> str:
    """Why a renewal is not finished."""
    shown = ", ".join(waiting[:MAX_NAMED]) + (f" and {len(waiting) - MAX_NAMED} more" if len(waiting) > MAX_NAMED else "")
    return (
        f"not yet accepted by {shown}. Let the next certificate be trusted there (nameplated opcua cert export), or write "
        "--anyway: then these servers are not read until they trust it. Nothing was changed."
    )


def waiting(pending: Sequence[Pending], pki: Path) -> str:
    """Every certificate that waits, and how one is trusted."""
    if not pending:
        return f"No certificate waits in {pki / 'pending'}.\n"
    blocks = ["\n".join([one.file.name, *_lines(one.certificate)]) for one in pending]
    last = (
        "Compare a thumbprint on the device itself: its display, its engineering tool, its web page. Then:\n"
        f"  nameplated opcua trust accept {pending[0].thumbprint[:16]}"
    )
    return "\n\n".join([*blocks, last]) + "\n"


def our_facts(own: Own, following: Own | None, servers: Servers) -> dict[str, object]:
    """Ours for a program: the one in use, the next one if there is one, and which servers have accepted the latter of them."""
    told: dict[str, object] = {**facts(own.certificate, own.path)}
    if following is not None:
        told["next"] = facts(following.certificate, following.path)
    told["accepted_since"] = {server: since and since.isoformat(timespec="seconds") for server, since in servers.items()}
    return told


def facts(certificate: x509.Certificate, file: Path) -> dict[str, str | int]:
    """The same for a program."""
    found = describe(to_der(certificate))
    return {
        "file": str(file),
        "thumbprint_sha256": thumbprint(to_der(certificate)),
        "thumbprint_sha1": _sha1(certificate),
        "subject": found.subject if found else "",
        "application_uri": found.application_uri if found else "",
        "not_before": certificate.not_valid_before_utc.isoformat(),
        "not_after": certificate.not_valid_after_utc.isoformat(),
        "key_bits": found.key_bits if found else 0,
    }


def _progress(servers: Servers) -> list[str]:
    """Who accepts the next one, and what is to be done."""
    if not servers:
        return ["No server has been logged in to over a protected session yet.", *screens.wrapped(_WHAT_TO_DO)]
    widest = max(map(len, servers))
    accepted = sum(since is not None for since in servers.values())
    closing = screens.wrapped(_WHAT_TO_DO) if accepted < len(servers) else ["All have: nameplated opcua cert finish"]
    head = f"{accepted} of {len(servers)} servers have accepted the next one:"
    rows = [f"  {server:<{widest}}  {f'since {since.date()}' if since else 'not yet'}" for server, since in servers.items()]
    return [head, *rows, *closing]


def _lines(certificate: x509.Certificate) -> list[str]:
    told = facts(certificate, Path())
    return [
        f"  subject          {clean_text(str(told['subject']))}",
        f"  application URI  {told['application_uri']}",
        f"  SHA-256          {told['thumbprint_sha256']}",
        f"  SHA-1            {told['thumbprint_sha1']}   (what many engineering tools show)",
        f"  valid            {str(told['not_before'])[:10]} to {str(told['not_after'])[:10]}, {told['key_bits']} bits",
    ]


def _sha1(certificate: x509.Certificate) -> str:
    """Only to compare with what other programs show; nothing is decided by it."""
    return certificate.fingerprint(hashes.SHA1()).hex()  # noqa: S303  # the older programs of a plant know no other
