"""Fuzzes the decoders with atheris for a bounded time: `make fuzz`, or `python -m tests.fuzz --seconds 20 [TARGET …]`.

Each target runs in a process of its own, because libFuzzer ends the process that it runs in. What it reached stays in `.fuzz`; an
input that made a target fail becomes a case, and every later test run fails with it until it is mended.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz.corpus import committed, keep_case, write
from tests.fuzz.targets import TARGETS, seeds

ROOT = Path(__file__).parents[2]
HOME = ROOT / ".fuzz"
MAX_LEN = 1024
MISSING = "fuzzing needs atheris: `make fuzz` installs it"


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz each target for its share of time; return 0 only if none of them failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="any bytes become readings or MalformedError")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all if none is named")
    parser.add_argument("--seconds", type=int, default=20, help="for each target (%(default)s)")
    parser.add_argument("--distil", action="store_true", help="then write the committed corpus anew")
    parser.add_argument("--in-process", action="store_true", help=argparse.SUPPRESS)
    options, further = parser.parse_known_args(arguments)
    if unknown := set(options.targets) - set(TARGETS):
        parser.error(f"no target {', '.join(sorted(unknown))}")
    if options.in_process:
        fuzz(options.targets[0], further)
    names = options.targets or list(TARGETS)
    failed = max([_run(name, options.seconds) for name in names])
    if options.distil and not failed:
        for name in names:
            _distil(name)
    return failed


def _run(name: str, seconds: int) -> int:
    corpus = HOME / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate((*seeds(name), *committed(name))):
        (corpus / f"seed-{number}").write_bytes(seed)
    before = set(HOME.glob(f"{name}-*"))
    print(f"fuzz {name}: {seconds} s", flush=True)
    limits = [f"-max_total_time={seconds}", f"-max_len={MAX_LEN}", "-timeout=5", "-rss_limit_mb=1024", "-verbosity=0"]
    code = _libfuzzer(name, *limits, f"-artifact_prefix={HOME / name}-", "-print_final_stats=1", str(corpus))
    for found in sorted(set(HOME.glob(f"{name}-*")) - before):
        print(f"{found.name} is now {keep_case(name, found.read_bytes()).relative_to(ROOT)}", flush=True)
    return code


def _distil(name: str) -> None:
    """Keep the smallest inputs that reach together all that was reached."""
    with tempfile.TemporaryDirectory() as smallest:
        _libfuzzer(name, "-merge=1", "-verbosity=0", f"-max_len={MAX_LEN}", smallest, str(HOME / name))
        file = write(name, (found.read_bytes() for found in Path(smallest).iterdir()))
    print(f"{file.relative_to(ROOT)}: {len(committed(name))} inputs", flush=True)


def _libfuzzer(name: str, *words: str) -> int:
    command = [sys.executable, "-m", "tests.fuzz", "--in-process", name, *words]
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
    again = f"{sys.executable} -m tests.fuzz --in-process {name}"  # how libFuzzer starts itself again, to merge
    atheris.Setup([again, *arguments], INSTRUMENTED[name])
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
