"""Certificates as a person reads them: thumbprints in the forms that other programs show, dates, and what to do next. Pure.

Decides layout and words. Never decides what is trusted.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from protocols.opcua.certificates import describe, thumbprint, to_der
from protocols.opcua.own import RENEW_BEFORE
from protocols.opcua.trust import Pending
from protocols.text import clean_text


def ours(certificate: x509.Certificate, file: Path, now: datetime) -> str:
    """Our own certificate, and whether it must be renewed."""
    left = certificate.not_valid_after_utc - now
    lines = [str(file), *_lines(certificate)]
    if left < RENEW_BEFORE:
        lines.append(f"It expires in {left.days} days: nameplated opcua cert renew")
    return "\n".join(lines) + "\n"


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
