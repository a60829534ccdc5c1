"""What host names mean on this machine now. The only look-up of names outside the roles, and only by hand.

Decides nothing about who may be reached (`agent.deploy.dropin` does). Asks the system's own resolver, once for each name, and
keeps what is an address and nothing else.

Source: resolv.conf(5).
"""

import socket
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from pathlib import Path

from agent.deploy.dropin import Lookup

RESOLV_CONF = Path("/etc/resolv.conf")
MAX_BYTES = 64 * 1024

Resolve = Callable[[str], list[str]]
"""A name becomes addresses, as text; raises `OSError` where it has none."""


def system_resolver(name: str) -> list[str]:
    """Ask the system: /etc/hosts, then its name servers.

    Raises:
        OSError: There is no such name, or nobody to ask.
    """
    return [str(found[4][0]) for found in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)]


def look_up(names: Iterable[str], *, resolve: Resolve = system_resolver, resolv_conf: Path = RESOLV_CONF) -> Lookup:
    """Return what names mean now, and who was asked. A name without an address is left out."""
    found = {name: _addresses(name, resolve) for name in names}
    servers = tuple(dict.fromkeys(_name_servers(resolv_conf)))
    return Lookup({name: addresses for name, addresses in found.items() if addresses}, servers)


def _addresses(name: str, resolve: Resolve) -> tuple[str, ...]:
    try:
        answers = resolve(name)
    except OSError:
        return ()
    # Sorted, so that a file made twice is the same file.
    return tuple(sorted({address for answer in answers if (address := _address(answer))}))


def _name_servers(resolv_conf: Path) -> list[str]:
    try:
        with resolv_conf.open("rb") as file:
            text = file.read(MAX_BYTES).decode("utf-8", "replace")
    except OSError:
        return []
    words = [line.split() for line in text.splitlines()]
    return [address for word in words if word[:1] == ["nameserver"] and word[1:] and (address := _address(word[1]))]


def _address(text: str) -> str:
    """Return an address in its one spelling and without a zone, which the kernel's lists do not know; empty if it is none."""
    try:
        return str(ip_address(text.partition("%")[0]))
    except ValueError:
        return ""
