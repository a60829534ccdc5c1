"""What an operator may write behind an option: addresses, names, topics.

Decides which texts are accepted, with a sentence for those that are not. Pure; must never guess what was meant.
"""

import argparse
from urllib.parse import urlsplit

from evidence.topics import audience, parse_issuer, subscription


def broker(text: str) -> tuple[str, int, bool]:
    """Parse a broker's address into host, port and whether to use TLS. These and the others raise what argparse reports."""
    parts = urlsplit(text)
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or parts.path.strip("/") or parts.query or parts.username:
        raise argparse.ArgumentTypeError(f"not of the form mqtt[s]://host:port: {text!r}")
    tls = parts.scheme == "mqtts"
    try:
        return parts.hostname, parts.port or (8883 if tls else 1883), tls
    except ValueError:
        raise argparse.ArgumentTypeError(f"not a port: {text!r}") from None


def issuer(text: str) -> str:
    """Accept the name that a gateway signs with."""
    if parse_issuer(text) is None:
        raise argparse.ArgumentTypeError(f"not of the form urn:nameplated:<plant>:<gateway>: {text!r}")
    return text


def prefix(text: str) -> str:
    """Accept levels above our topics."""
    try:
        subscription(text, "status")
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None
    return text


def name(text: str) -> str:
    """Accept an id, or nothing."""
    return receiver_id(text) if text else text


def receiver_id(text: str) -> str:
    """Accept an id."""
    try:
        audience(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None
    return text
