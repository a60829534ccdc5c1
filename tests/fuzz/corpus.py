"""Inputs on file: those that fuzzing begins with, and those that once made a target fail.

Decides their form: one input a line in hex, after `#` a word for a person. `corpus/<target>.hex` holds the smallest inputs that reach
everything that was ever reached; they grew from recorded devices and golden exchanges, and `--distil` writes them anew. A failure is
a folder `cases/<what was wrong>/` with a file of the same form. Never drives a target.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
CASES = HERE / "cases"
MAX_INPUT_BYTES = 400
"""Longer ones stay out of the corpus: what only they reach is not worth reading past them."""


def read(file: Path) -> list[bytes]:
    """Return the inputs of a file; none where there is no file."""
    lines = file.read_text(encoding="ascii").splitlines() if file.exists() else []
    return [bytes.fromhex(line.partition("#")[0]) for line in lines if line.partition("#")[0].strip()]


def committed(target: str) -> list[bytes]:
    """Return the inputs with which fuzzing a target begins, beside those that are made of what is shipped."""
    return read(CORPUS / f"{target}.hex")


def cases() -> Iterator[tuple[str, str, bytes]]:
    """Yield every input that once failed: what was wrong, the target, the bytes."""
    for file in sorted(CASES.glob("*/*.hex")):
        yield from ((file.parent.name, file.stem, data) for data in read(file))


def write(target: str, inputs: Iterable[bytes]) -> Path:
    """Write the corpus of a target anew, the shortest inputs first."""
    kept = sorted({data for data in inputs if 0 < len(data) <= MAX_INPUT_BYTES}, key=lambda data: (len(data), data))
    file = CORPUS / f"{target}.hex"
    file.parent.mkdir(exist_ok=True)
    file.write_text("".join(f"{data.hex()}\n" for data in kept), encoding="ascii")
    return file


def keep_case(target: str, data: bytes) -> Path:
    """Make a case of an input that failed just now; its folder waits for a better name."""
    file = CASES / f"new-{target}-{sha256(data).hexdigest()[:8]}" / f"{target}.hex"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"# Say here what was wrong, and give the folder a name that says it.\n{data.hex()}\n", encoding="ascii")
    return file
