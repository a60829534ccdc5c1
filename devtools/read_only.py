"""Writes docs/read-only.md from the constants that the guards enforce: `python -m devtools.read_only`.

Decides how the page reads, not what it says: every code, service, limit and address on it is taken from the program, so that
the page that a plant signs and the program that runs there cannot drift apart.
"""

import sys

from agent.core.schedule import HARM_SIGNS, JITTER, QUARANTINE_AFTER, QUARANTINE_S
from config.model import CollectSection
from devtools.page import main, table
from protocols.modbus.guard import ALLOWED_ACCESS, MAX_REGISTERS, Allowed, AllowedMei
from protocols.opcua.guard import ALLOWED_SERVICES, MAX_VISIT_BYTES
from protocols.profile import bundled
from protocols.profile_form import ConnectRisk
from protocols.profile_rules import RESERVED

PAGE = "docs/read-only.md"

MEANING = {
    Allowed.READ_HOLDING_REGISTERS: ("Read holding registers", "03 aaaa nnnn", f"1 to {MAX_REGISTERS} registers, at addresses of a profile"),
    Allowed.READ_INPUT_REGISTERS: ("Read input registers", "04 aaaa nnnn", f"1 to {MAX_REGISTERS} registers, at addresses of a profile"),
    Allowed.REPORT_SERVER_ID: ("Report server id", "11", "only where a profile asks for it"),
    Allowed.ENCAPSULATED_INTERFACE: (
        "Read device identification",
        "2B 0E cc oo",
        f"MEI type {', '.join(str(int(mei)) for mei in AllowedMei)} only; cc is {ALLOWED_ACCESS[0]} to {ALLOWED_ACCESS[-1]}, oo an object id",
    ),
}  # fmt: skip

HEAD = """\
<!-- Written by `python -m devtools.read_only` from the program's own constants. Change those, not this page. -->
# What nameplated can say to a device

For the person who answers for the safety of the plant. This page is complete: what is not on it cannot leave the gateway. It is
generated from the constants that the program enforces, and a test fails when the two differ.

## In one sentence

The gateway opens one connection to a device, asks it who it is with the requests below, and closes the connection; it never
writes, never subscribes, never scans, and never asks for process data."""

RINGS = """\
## How this is enforced

1. **Type.** The code that speaks to devices has no method that writes.
2. **Wire.** Below the protocol libraries, at the last point where the bytes are plain, every frame is compared with the list
   above (`protocols/modbus/guard.py`, `protocols/opcua/guard.py`). Anything else, a second frame behind an allowed one, a wrong
   checksum or a wrong length included, is not sent, and the gateway stops. What the guard does not know, it refuses.
3. **Proof.** A test drives every public method of the Modbus library, those that write included, and raw writes below it
   against the guard: no byte outside of the list reaches the socket. Every visit counts its requests by function code or
   service, its bytes both ways and the smallest pause; the counts are reported, signed.

To see for yourself, capture the gateway's traffic and let Wireshark's own dissector look for anything else. This must print
nothing:

```sh no-run: needs a capture of your plant
tshark -r capture.pcap -Y 'mbtcp && (!(modbus.func_code in {%s}) || (modbus.func_code == 43 && modbus.mei != 14))'
```"""

TAIL = """\
## What remains

- **A connection occupies a place.** A device with few places may close the oldest connection or refuse the next. One connection
  at a time to a host, for seconds, every few hours, is the least that a question can cost.
- **A request is a sign of life.** A watchdog that counts any request sees one. Profiles of devices known for it are listed above.
- **A defect in a device.** No public report is known of a well-formed request of this list that stopped a controller. That is no proof.
- **The gateway itself.** Somebody who takes it over is bound by its network, not by its program: put a filter between.

## Accepted for this plant

| | |
|---|---|
| Plant | |
| Gateway and version | |
| Exceptions, assets with an accepted risk | |
| Name, function | |
| Date, signature | |
"""


def page() -> str:
    """Return the whole page."""
    functions = ",".join(str(int(function)) for function in Allowed)
    parts = [HEAD, modbus(), opc_ua(), RINGS % functions, politeness(), reserved(), risks(), TAIL]
    return "\n\n".join(parts)


def modbus() -> str:
    """The requests of Modbus."""
    rows = [(f"{function} (0x{function:02X})", *MEANING[function]) for function in Allowed]
    return (
        "## Modbus: every request there is\n\n"
        + table(("Function code", "Name", "Request, in hex", "Limits"), rows)
        + "\n\nA register is read only because a profile names its address (`nameplated profiles show`); there is no range to sweep."
        + "\nOne profile (`sunspec`) goes on to where the device's own chain of blocks leads, never to a register of the list below."
        + f"\nAccess code cc = {ALLOWED_ACCESS[0]} is asked of drives that number from it, and where their profile says so."
    )


def opc_ua() -> str:
    """The services of OPC UA."""
    rows = [(name, str(number)) for number, name in sorted(ALLOWED_SERVICES.items(), key=lambda item: item[1])]
    return (
        "## OPC UA: every service there is\n\n"
        + table(("Service", "Encoding id (namespace 0)"), rows)
        + f"\n\nA visit ends when its answers exceed {MAX_VISIT_BYTES // 1024} KiB."
    )


def politeness() -> str:
    """How often, as a plant file that says nothing has it."""
    default = CollectSection()
    rows = [
        ("Connections to one host or serial line at a time", "1", "fixed"),
        ("Requests in flight", "1", "fixed"),
        ("Repetitions of an unanswered request", "0", "fixed"),
        ("Time between two visits", f"{default.identity_interval_s} s ± {JITTER:.0%}", "identity_interval_s"),
        ("Pause between an answer and the next request", f"{default.gap_ms} ms", "gap_ms"),
        ("Modbus requests to one device in one visit, at most", str(default.max_requests), "max_requests"),
        ("OPC UA requests in one visit, at most", str(default.max_opcua_requests), "max_opcua_requests"),
        ("Time for one device in one visit, at most", f"{default.visit_s:g} s", "visit_s"),
        ("Left alone after a failure, doubling with each", f"{default.backoff_first_s} s", "backoff_first_s"),
        ("Left alone at most", f"{default.backoff_longest_s} s", "backoff_longest_s"),
        (
            f"Quarantine after {QUARANTINE_AFTER} looks in a row that the device {' or '.join(sorted(HARM_SIGNS))}",
            f"{QUARANTINE_S:g} s",
            "fixed",
        ),
    ]
    return (
        "## How often\n\n"
        + table(("What", "Default", "Key in `[collect]`"), rows)
        + "\n\nWaits survive a restart of the gateway. In a maintenance window (`[[collect.maintenance]]`) nothing is asked; where the"
        + "\ngateway's clock agrees with no time server and there are windows, nothing is asked at all."
    )


def reserved() -> str:
    """Registers whose reading has an effect."""
    rows = [(f"0x{register:04X}", why) for register, why in sorted(RESERVED.items())]
    return (
        "## Registers that no profile may read\n\nA profile with a block over one of these is refused, a site's own included.\n\n"
        + table(("Register", "Why"), rows)
    )


def risks() -> str:
    """Families whose connection is a risk by itself."""
    risky = [profile for profile in bundled().values() if profile.connect_risk is not ConnectRisk.NORMAL]
    rows = [(profile.id, profile.devices, str(profile.connect_risk), profile.caution) for profile in risky]
    return (
        "## Devices whose connection is a risk by itself\n\n`deny` is never asked. `opt-in` is asked only where the plant file accepts"
        " the risk for that asset, or the person who types `probe` or `record` does (`--accept-risk`).\n\n"
        + table(("Profile", "Devices", "Risk", "What may happen"), rows)
    )


if __name__ == "__main__":
    sys.exit(main(PAGE, page(), sys.argv[1:]))
