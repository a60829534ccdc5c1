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

from agent.commands import add, takes_config, takes_json
from agent.service import Exit

if TYPE_CHECKING:
    from agent.commands import Commands
    from agent.doctor.finding import Finding


def add_parser(commands: "Commands") -> None:
    """Add the command to the command line."""
    parser = add(
        commands,
        "doctor",
        "whether this machine keeps what the gateway promises, and what to do where it does not",
        "sudo nameplated doctor --config /etc/nameplated/plant.toml",
        run=main,
        more="Run it as root to see everything; it changes nothing.",
    )
    takes_config(parser)
    takes_json(parser)


def main(options: argparse.Namespace) -> int:
    """Look, show, and return 0 unless something is bad.

    Raises:
        ConfigError: The plant file cannot be used.
    """
    from agent.doctor.examine import examine
    from agent.doctor.finding import State, worst
    from config.load import load

    findings = [*_of_plant_file(options.config), *examine(load(options.config))]
    state = worst(findings)
    shown = json.dumps({"state": state, "findings": [asdict(one) for one in findings]}) if options.json else page(findings)
    sys.stdout.write(f"{shown}\n")
    return Exit.FAILED if state is State.BAD else Exit.OK


def _of_plant_file(path: Path) -> "list[Finding]":
    """Say what keeps collect from beginning although the plant file can be read: profiles, windows."""
    from agent.doctor.finding import Finding, State
    from agent.site import load_plant
    from config.errors import ConfigError

    try:
        load_plant(path)
    except ConfigError as error:
        remedy = "Mend it, then `systemctl restart nameplated.target`."
        return [Finding("plant-file", State.BAD, line.rstrip("."), remedy) for line in str(error).splitlines()]
    return []


def page(findings: Sequence["Finding"], *, width: int | None = None) -> str:
    """Lay findings out for a person: state, name, what was seen; below it what to do."""
    from agent.screens import wrapped

    wide = max((len(finding.name) for finding in findings), default=0)
    hanging = " " * (wide + 11)
    lines = list[str]()
    for finding in findings:
        seen = f"{finding.state:<7}  {finding.name:<{wide}}  {finding.detail}"
        lines += wrapped(seen, width=width, hanging=hanging)
        if finding.remedy:
            lines += wrapped(f"{hanging}-> {finding.remedy}", width=width, hanging=f"{hanging}   ")
    return "\n".join(lines)
