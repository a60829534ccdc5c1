"""Can the broker be reached? A dry connection: TCP, TLS, and goodbye. No MQTT, no name, no password.

Decides which remedy belongs to which failure; a file of [broker] that cannot be used is named before anybody is asked. Never sends a byte of MQTT: a second session under our client id would throw
the running one out. Made from the shell that asks, so a unit's address list is not in the way; `networks` looks at that.
"""

import socket
import ssl

from agent import credentials
from agent.doctor.finding import Finding, State
from config.model import BrokerSection

TIMEOUT_S = 5.0

# What was met and what to do, the narrowest kind first.
_MET: tuple[tuple[type[OSError], str, str], ...] = (
    (
        ssl.SSLCertVerificationError,
        "its certificate is not believed",
        "Look at broker.ca_file, at the host name, and at the clock.",
    ),
    (ssl.SSLError, "TLS failed", "Look at the port, at certificate_file and at key_file."),
    (socket.gaierror, "its name cannot be looked up", "Look at /etc/resolv.conf, or write the broker's address."),
    (TimeoutError, "no answer", "A packet filter in between, or the wrong address."),
    (ConnectionRefusedError, "refused", "The broker does not run, or listens on another port."),
    (PermissionError, "not permitted", "Run `sudo nameplated doctor`; else a packet filter of this machine forbids it."),
    (OSError, "no connection", "Look at cable, address and route."),
)


def check(section: BrokerSection, *, timeout_s: float = TIMEOUT_S) -> Finding:
    """Connect once, say goodbye, and tell what was met."""
    address = section.address
    try:
        credentials.check(section, tls=address.tls)
    except credentials.CredentialError as error:
        return Finding("broker", State.BAD, str(error), _remedy(error))
    try:
        with socket.create_connection((address.host, address.port), timeout_s) as connection:
            if not address.tls:
                return Finding("broker", State.OK, f"{address} answers, in clear")
            with credentials.context(section).wrap_socket(connection, server_hostname=address.host) as secured:
                return Finding("broker", State.OK, f"{address} answers with {secured.version()}")
    except OSError as error:  # of which every ssl and every name server's error is one
        detail, remedy = _explained(error)
        return Finding("broker", State.BAD, f"{address}: {detail}", remedy)


def _remedy(error: credentials.CredentialError) -> str:
    if isinstance(error.__cause__, PermissionError):
        return "Run `sudo nameplated doctor`; publish reads it as nameplated-it."
    return f"Put the file there, readable to nameplated-it, or correct {error.setting} in the plant file."


def _explained(error: OSError) -> tuple[str, str]:
    """Turn an error into what was met and what to do."""
    met, remedy = next((met, remedy) for kind, met, remedy in _MET if isinstance(error, kind))
    reason = getattr(error, "verify_message", "") or error.strerror or str(error)
    return f"{met} ({reason})", remedy
