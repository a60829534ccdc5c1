"""The command `nameplated doctor`: a plant file in, findings out, and an exit code that a script can use.

Decides how findings are shown. The exit code is 0 unless something is bad; a warning and an unknown are no failure.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from agent.service import Exit

if TYPE_CHECKING:
    from agent.doctor.finding import Finding

    _Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # argparse has no public name for it


def add_parser(commands: "_Commands") -> None:
    """Add the command to the command line."""
    description = "whether this machine keeps what the gateway promises, and what to do where it does not"
    parser = commands.add_parser(
        "doctor",
        help=description,
        description=f"{description[0].upper()}{description[1:]}. Run it as root to see everything; it changes nothing.",
        epilog="example:\n  sudo nameplated doctor --config /etc/nameplated/plant.toml",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--config", type=Path, default=Path("/etc/nameplated/plant.toml"), metavar="FILE", help="plant file (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(command=main)


def main(options: argparse.Namespace) -> int:
    """Look, show, and return 0 unless something is bad.

    Raises:
        ConfigError: The plant file cannot be used.
    """
    from agent.doctor.examine import examine  # noqa: PLC0415  # the other commands do not pay for it
    from agent.doctor.finding import State, worst  # noqa: PLC0415  # the same
    from config.load import load  # noqa: PLC0415  # the same

    findings = examine(load(options.config))
    state = worst(findings)
    shown = json.dumps({"state": state, "findings": [asdict(one) for one in findings]}) if options.json else page(findings)
    sys.stdout.write(f"{shown}\n")
    return Exit.FAILED if state is State.BAD else Exit.OK


def page(findings: Sequence["Finding"]) -> str:
    """Lay findings out for a person: state, name, what was seen; below it what to do."""
    wide = max((len(finding.name) for finding in findings), default=0)
    lines = []
    for finding in findings:
        lines.append(f"{finding.state:<7}  {finding.name:<{wide}}  {finding.detail}")
        if finding.remedy:
            lines.append(f"{'':<7}  {'':<{wide}}  -> {finding.remedy}")
    return "\n".join(lines)
