"""Fuzzes the decoders with atheris for a bounded time: `make fuzz`, or `python -m tests.fuzz --seconds 20 [TARGET …]`.

Each target runs in a process of its own, because libFuzzer ends the process that it runs in. What it found stays in `.fuzz`.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz.targets import TARGETS, seeds

HOME = Path(__file__).parents[2] / ".fuzz"
MAX_LEN = 1024
MISSING = "fuzzing needs atheris: install the extra named fuzz"


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz each target for its share of time; return 0 only if none of them failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="any bytes become readings or MalformedError")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all if none is named")
    parser.add_argument("--seconds", type=int, default=20, help="for each target (%(default)s)")
    parser.add_argument("--in-process", action="store_true", help=argparse.SUPPRESS)
    options, further = parser.parse_known_args(arguments)
    if unknown := set(options.targets) - set(TARGETS):
        parser.error(f"no target {', '.join(sorted(unknown))}")
    if options.in_process:
        fuzz(options.targets[0], further)
    return max([_run(name, options.seconds) for name in options.targets or TARGETS])


def _run(name: str, seconds: int) -> int:
    corpus = HOME / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(name)):
        (corpus / f"seed-{number}").write_bytes(seed)
    limits = [f"-max_total_time={seconds}", f"-max_len={MAX_LEN}", "-timeout=5", "-rss_limit_mb=1024", "-verbosity=0"]
    found = [f"-artifact_prefix={HOME / name}-", "-print_final_stats=1"]
    command = [sys.executable, "-m", "tests.fuzz", "--in-process", name, *limits, *found, str(corpus)]
    print(f"fuzz {name}: {seconds} s", flush=True)
    return subprocess.run(command, check=False).returncode


def fuzz(name: str, arguments: Sequence[str]) -> None:
    """Hand the process over to libFuzzer; it does not come back."""
    try:
        import atheris
    except ImportError:
        sys.exit(MISSING)
    for module in [module for module in sys.modules if module.startswith(("protocols", "tests.fuzz.targets"))]:
        del sys.modules[module]  # imported once without instruments
    with atheris.instrument_imports(include=["protocols"]):
        from tests.fuzz.targets import TARGETS as INSTRUMENTED
    atheris.Setup([name, *arguments], INSTRUMENTED[name])
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
