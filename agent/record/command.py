"""The command `nameplated record`: a device in, a file out that replays it, and a word on what was taken out.

Decides how the result is said. Never overwrites a file, and writes none where there is nothing to record.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agent.commands import add, takes_profile
from agent.service import Exit

if TYPE_CHECKING:
    from agent.commands import Commands


def add_parser(commands: "Commands") -> None:
    """Add the command to the command line."""
    parser = add(
        commands,
        "record",
        "one visit to one Modbus device, written down without what is the plant's own: a test for every later version",
        "nameplated record modbus-tcp://10.20.0.7:502?unit=1 -o pac4200.json",
        run=main,
        more="Read the file before you give it away.",
    )
    parser.add_argument("address", metavar="ADDRESS", help="of a Modbus device")
    takes_profile(parser)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="where the recording goes; a new file")


def main(options: argparse.Namespace) -> int:
    """Record one device and return the exit code.

    Raises:
        FileExistsError: The file is there already; it is left as it is.
        ConfigError: There is no such profile, or its risk was not accepted.
    """
    from agent import wiring
    from agent.record.recording import text_of
    from agent.record.redact import RedactionError
    from agent.record.visit import NothingToRecordError, record
    from agent.site import profile_named

    address = wiring.parse_address(options.address)
    profile = profile_named(options.profile, accept_risk=options.accept_risk) if options.profile else None
    try:
        made = record(address, profile)
    except (NothingToRecordError, RedactionError) as error:
        sys.stderr.write(f"nameplated: {error}\nNothing was written.\n")
        return Exit.FAILED
    with options.output.open("x", encoding="utf-8") as file:
        file.write(text_of(made))
    taken_out = "; ".join(made.redacted) or "nothing"
    sys.stdout.write(f"{options.output}: {', '.join(made.nameplate.values())}\n")
    sys.stdout.write(f"Read it before you give it away. Taken out: {taken_out}.\n")
    return Exit.OK
