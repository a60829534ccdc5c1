"""A line that says that something is going on, for a person who waits.

Decides when it is shown: only on a terminal, only after a while, and it is gone before anything else is written. Never shows
more than is known: what passes, not what is left.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TextIO

from agent.screens import plain

EVERY_S = 0.5
WIDEST = 40  # characters of what is asked


@asynccontextmanager
async def waiting(whom: str, stream: TextIO, *, after_s: float) -> AsyncGenerator[None, None]:
    """Show a line while the block waits.

    Args:
        whom: Who is asked.
        stream: Where it is shown; not at all if it is no terminal.
        after_s: For how long nothing is shown.
    """
    if not stream.isatty():
        yield
        return
    line = asyncio.create_task(_tell(plain(whom)[:WIDEST], stream, after_s))
    try:
        yield
    finally:
        line.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await line


async def _tell(whom: str, stream: TextIO, after_s: float) -> None:
    """Count the seconds until cancelled, then leave an empty line behind. Plain blanks: a dumb terminal can do no more."""
    began, text = time.monotonic(), ""
    try:
        await asyncio.sleep(after_s)
        while True:
            text = f"asking {whom} ... {time.monotonic() - began:.0f} s"
            print(f"\r{text}", end="", file=stream, flush=True)
            await asyncio.sleep(EVERY_S)
    finally:
        if text:
            print(f"\r{' ' * len(text)}\r", end="", file=stream, flush=True)
