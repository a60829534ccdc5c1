"""A person who waits sees that something goes on; a program that reads sees nothing of it."""

import asyncio
import io

import pytest

from agent.operator import progress


class Terminal(io.StringIO):
    """What a person looks at."""

    def isatty(self) -> bool:
        return True


async def waited(stream: io.StringIO, *, after_s: float) -> str:
    async with progress.waiting("10.20.0.7\x1b[2J", stream, after_s=after_s):
        await asyncio.sleep(0.1)
    return stream.getvalue()


async def test_a_line_counts_and_is_gone_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "EVERY_S", 0.02)
    shown = await waited(Terminal(), after_s=0.01)
    assert "asking 10.20.0.7[2J ... 0 s" in shown and "\x1b" not in shown
    lines = shown.split("\r")
    assert lines[-1] == "" and lines[-2].strip() == "" and len(lines[-2]) == len(lines[1])


async def test_a_quick_answer_shows_nothing() -> None:
    assert await waited(Terminal(), after_s=5) == ""


async def test_a_file_gets_nothing() -> None:
    assert await waited(io.StringIO(), after_s=0) == ""


async def test_an_error_passes_and_leaves_an_empty_line() -> None:
    stream = Terminal()

    async def fails() -> None:
        async with progress.waiting("h", stream, after_s=0):
            await asyncio.sleep(0.02)
            raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        await fails()
    assert stream.getvalue().endswith("\r")
