"""What systemd is told: ready, what we do now, still alive, stopping.

Decides nothing. Silent where systemd is not there. Source: sd_notify(3).
"""

import os
import socket


def notify(*states: str) -> None:
    """Send states such as `READY=1` or `STATUS=…` to the service manager, if there is one."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.sendto("\n".join(states).encode(), "\0" + address[1:] if address.startswith("@") else address)
