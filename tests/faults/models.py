"""Everything that holds for any input, looked at for much longer than `make test` has time for.

Decides nothing: it runs the property tests and the state machines as they are, with more examples and without a time limit, from a seed.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.buffer.samples import ROOT


def models(effort: int, seed: int, where: Path = ROOT / "tests", processes: int = os.cpu_count() or 1) -> dict[str, int]:
    """Look at each property with `effort` times the examples of `make test`; return how many properties there are.

    Raises:
        AssertionError: One of them does not hold; it quotes what pytest printed, with the example.
    """
    settings = ["-c", str(ROOT / "pyproject.toml"), "--timeout=0", f"--hypothesis-seed={seed}", f"--numprocesses={processes}"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *settings, "-m", "hypothesis", str(where)],
        cwd=ROOT, env={**os.environ, "EFFORT": str(effort)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    held = re.search(r"(\d+) passed", done.stdout)
    assert done.returncode == 0 and held, done.stdout[-20_000:] + done.stderr[-2_000:]
    return {"properties": int(held[1]), "times the examples of make test": effort}
