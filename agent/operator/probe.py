"""The command `nameplated probe`: one look at one device, and what it cost.

Decides how the words become a question. Never asks twice, and never writes anything but the screen and, for OPC UA, the
certificate of a server that it met.
"""

import argparse
import asyncio
import json
import sys
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from agent import VERSION
from agent.commands import add, takes_json, takes_profile
from agent.service import Exit

if TYPE_CHECKING:
    from agent.commands import Commands
    from agent.core.observation import Observation

QUICK_S = 1.0
"""After this long a person wonders. A serial line is slow, and says so at once."""

NOT_SHOWN = ("asset_id", "register", "moment")
"""Fields of an observation that mean nothing outside a plant file."""


def add_parser(commands: "Commands") -> None:
    """Add the command to the command line."""
    example = "nameplated probe modbus-tcp://10.20.0.7:502?unit=1"
    probe = add(commands, "probe", "look at one device once, and say what it cost", example, run=main)
    probe.add_argument("address", metavar="ADDRESS")
    takes_profile(probe)
    probe.add_argument("--security", default="none", choices=("none", "sign", "sign-and-encrypt"), help="of an OPC UA session")
    probe.add_argument(
        "--pki-dir", type=Path, default=Path("nameplated-pki"), help="own, trusted and pending OPC UA certificates"
    )
    probe.add_argument("--username-file", type=Path, metavar="F", help="one line user:password, for an OPC UA session")
    probe.add_argument("--user-certificate-file", type=Path, metavar="F", help="certificate of an OPC UA user")
    probe.add_argument("--user-key-file", type=Path, metavar="F", help="its key")
    probe.add_argument(
        "--deprecated-policies", action="store_true", help="allow OPC UA security that is no longer considered safe"
    )
    takes_json(probe)


def main(options: argparse.Namespace) -> int:
    """Look once and show it. Return 0 if the device said who it is."""
    look = asyncio.run(_look(options))
    if options.json:
        import msgspec

        shown = msgspec.to_builtins(look)
        for name in NOT_SHOWN:
            del shown[name]
        print(json.dumps(shown | {"agent_version": VERSION}))
    else:
        _show(look, options)
    return Exit.OK if look.identified else Exit.FAILED


def _show(look: "Observation", options: argparse.Namespace) -> None:
    """Show a look, and what to try if it says little."""
    from agent import wiring
    from agent.operator.hints import hints
    from agent.operator.look import nameplate
    from agent.screens import wrapped
    from agent.site import profiles

    print(nameplate(look))
    address = wiring.parse_address(options.address)
    if advice := hints(look, address, profile=options.profile, security=options.security, profiles=profiles()):
        print("\nTo try next (nothing was tried by itself):")
        print("\n".join(line for hint in advice for line in wrapped(f"- {hint}", hanging="  ")))


async def _look(options: argparse.Namespace) -> "Observation":
    """One visit to one address, with the limits of a plant file that says nothing about them."""
    from agent import wiring
    from agent.clock import system_clock
    from agent.collect.observe import observe
    from agent.core.observation import Register
    from agent.operator.progress import waiting
    from agent.site import profile_named
    from config.address import Scheme
    from config.model import CollectSection

    address = wiring.parse_address(options.address)
    if options.profile:
        profile_named(options.profile, accept_risk=options.accept_risk)
    ask = replace(
        wiring.ask(address, CollectSection(), profile=options.profile, security=options.security),
        deprecated_policies=options.deprecated_policies,
        username_file=_absolute(options.username_file),
        user_certificate_file=_absolute(options.user_certificate_file),
        user_key_file=_absolute(options.user_key_file),
    )
    reader = wiring.readers(options.pki_dir)[ask.endpoint.transport]
    slow = address.scheme is Scheme.MODBUS_RTU
    async with waiting(address.host, sys.stderr, after_s=0.0 if slow else QUICK_S), aclosing(reader.visit([ask])) as answers:
        answer = await anext(answers)
    return observe(answer, asset_id="probe", address=str(address), register=Register(), now=system_clock()())


def _absolute(file: Path | None) -> str:
    """A visit's child process has another working directory."""
    return str(file.absolute()) if file else ""
