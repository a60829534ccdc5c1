"""What host names mean on this machine now, and whose its serial ports are. The only look-up of names outside the roles, and only by hand.

Decides nothing about who may be reached (`agent.deploy.dropin` does). Asks the system's own resolver, once for each name, and
keeps what is an address and nothing else. Never opens a port.

Source: resolv.conf(5).
"""

import grp
import socket
import stat
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from pathlib import Path

from agent.deploy.dropin import Lookup

RESOLV_CONF = Path("/etc/resolv.conf")
MAX_BYTES = 64 * 1024

_GROUP_RW = stat.S_IRGRP | stat.S_IWGRP

Resolve = Callable[[str], list[str]]
"""A name becomes addresses, as text; raises `OSError` where it has none."""


def system_resolver(name: str) -> list[str]:
    """Ask the system: /etc/hosts, then its name servers.

    Raises:
        OSError: There is no such name, or nobody to ask.
    """
    return [str(found[4][0]) for found in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)]


def look_up(
    names: Iterable[str], ports: Iterable[str] = (), *, resolve: Resolve = system_resolver, resolv_conf: Path = RESOLV_CONF
) -> Lookup:
    """Return what names mean now, who was asked, and whose ports are. A name without an address is left out, and a port that is not there."""
    found = {name: _addresses(name, resolve) for name in names}
    servers = tuple(dict.fromkeys(_name_servers(resolv_conf)))
    groups = {port: group for port in ports if (group := _group(Path(port))) is not None}
    return Lookup({name: addresses for name, addresses in found.items() if addresses}, servers, groups)


def _group(port: Path) -> str | None:
    """Return the group that may read and write a port, empty if none but root may; None where there is no port."""
    try:
        found = port.stat()
    except OSError:
        return None
    if not stat.S_ISCHR(found.st_mode):
        return None
    if found.st_gid == 0 or found.st_mode & _GROUP_RW != _GROUP_RW:
        return ""
    try:
        return grp.getgrgid(found.st_gid).gr_name
    except KeyError:  # a number without a name, which a unit takes as well
        return str(found.st_gid)


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
