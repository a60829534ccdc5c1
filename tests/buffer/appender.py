"""A process that appends for ever and says, after each append, what is durable now: `python -m tests.buffer.appender FILE NAME`."""

import sys
from pathlib import Path

from buffer.journal import Journal
from tests.buffer.samples import draft


def main(path: Path, name: str) -> None:
    with Journal.open(path, max_bytes=64 * 1024 * 1024) as journal:
        number = 0
        while True:
            number += 1
            seq = journal.append([draft(f"{name}-{number}".encode())])
            sys.stdout.write(f"{seq} {name}-{number}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
