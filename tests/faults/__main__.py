"""The fault campaign: `make faults`, or `python -m tests.faults [--short] [--seed N] [PART …]`. Prints figures, or what failed and its seed."""

import argparse
import json
import logging
import os
import random
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.faults.crowd import crowd
from tests.faults.full import full_disk, may_mount
from tests.faults.kills import kills
from tests.faults.models import models
from tests.faults.outage import forgetting, outage
from tests.faults.power import power_cuts
from tests.faults.roles import roles
from tests.faults.rot import rot

Part = Callable[[bool, int], dict[str, Any]]

PARTS: dict[str, Part] = {
    "models": lambda short, seed: models(2 if short else 20, seed),
    "kills": lambda short, seed: kills(200 if short else 5_000, seed),
    "roles": lambda short, seed: roles(10 if short else 200, seed),
    "power": lambda short, seed: power_cuts(5_000 if short else 500_000, seed, processes=os.cpu_count() or 1),
    "full": lambda short, seed: full_disk(1_000 if short else 3_000, seed) if may_mount() else {"skipped": "may not mount"},
    "rot": lambda short, seed: rot(200 if short else 5_000, seed),
    "outage": lambda short, seed: outage(1 if short else 30),
    "crowd": lambda short, seed: crowd(16 if short else 30, 150 if short else 700),
    "forgetting": lambda short, seed: forgetting(2_000 if short else 20_000, 3 if short else 50),
}


def main() -> int:
    """Run the parts that were asked for, or all; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--short", action="store_true", help="a minute instead of an hour")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)
    failed = [name for name in asked.parts or PARTS if not _run(name, short=asked.short, seed=asked.seed)]
    return 1 if failed else 0


def _run(name: str, *, short: bool, seed: int) -> bool:
    began_s = time.monotonic()
    try:
        figures = PARTS[name](short, seed)
    except BaseException:
        print(f"{name}: FAILED with --seed {seed}", file=sys.stderr)
        raise
    print(json.dumps({"part": name, "seed": seed, "took s": round(time.monotonic() - began_s, 1), **figures}), flush=True)
    return "skipped" not in figures  # what could not be tried was not shown


if __name__ == "__main__":
    sys.exit(main())
