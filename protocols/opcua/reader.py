"""The gateway's side of OPC UA: start a child for each visit, wait within bounds, judge what it brings.

Decides what a child's end means. Never imports asyncua or cryptography, never lets two children live at once, and never
leaves one behind: a child that is late is told to stop, which closes its session, and then killed.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import msgspec

from protocols.contract import Answer, Ask, Outcome
from protocols.errors import ForbiddenRequestError
from protocols.opcua.wire import EXIT_FORBIDDEN, MAX_ANSWER_BYTES, BoundsError, Job, decode_answer, encode_job
from protocols.text import clean

CHILD = "protocols.opcua.child"
STOP_GRACE_S = 3.0  # for a child to close its session, channel and connection
MAX_COMPLAINT_BYTES = 16 * 1024
READ_BYTES = 64 * 1024


class OpcUaReader:
    """Looks at OPC UA servers, one child process for each visit.

    Args:
        pki_dir: The trust folder; see `protocols.opcua.trust`. Relative to where the gateway was started: a child is elsewhere.
        child: Name of the module that is run as the child.
    """

    def __init__(self, pki_dir: Path, child: str = CHILD) -> None:
        self._pki_dir = pki_dir.absolute()
        self._child = child
        self._one_at_a_time = asyncio.Lock()

    async def visit(self, asks: Sequence[Ask]) -> AsyncGenerator[Answer, None]:
        """Look at each endpoint in turn; each is one connection of its own.

        Raises:
            ForbiddenRequestError: The read-only guard fired.
        """
        for ask in asks:
            async with self._one_at_a_time:
                answer = await self._look(ask)
            yield answer

    async def _look(self, ask: Ask) -> Answer:
        wall_s = ask.limits.visit_s + ask.limits.connect_timeout_s
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-m", self._child, stdin=PIPE, stdout=PIPE, stderr=PIPE, env={}, cwd="/"
        )  # fmt: skip
        try:
            async with asyncio.timeout(wall_s):
                output, complaint = await _converse(process, encode_job(Job(ask=ask, pki_dir=str(self._pki_dir))))
                status = await process.wait()
        except TimeoutError:
            return _lost(f"the child process did not end within {wall_s:g} s")
        finally:
            await _end(process)
        return _judge(status, output, complaint)


async def _converse(process: Process, job: bytes) -> tuple[bytes, bytes]:
    """Hand over the job and take what comes, bounded. Standard input stays open: it is the child's lifeline."""
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None  # noqa: PT018  # one fact: pipes
    process.stdin.write(job)
    return await asyncio.gather(_head(process.stdout, MAX_ANSWER_BYTES + 1), _tail(process.stderr, MAX_COMPLAINT_BYTES))


async def _head(stream: asyncio.StreamReader, keep: int) -> bytes:
    """Read to the end, so that the child never blocks, and keep the beginning."""
    data = b""
    while chunk := await stream.read(READ_BYTES):
        data += chunk[: keep - len(data)]
    return data


async def _tail(stream: asyncio.StreamReader, keep: int) -> bytes:
    """Read to the end and keep the last of it, where a traceback says what went wrong."""
    data = b""
    while chunk := await stream.read(READ_BYTES):
        data = (data + chunk)[-keep:]
    return data


async def _end(process: Process) -> None:
    """Make sure that the child is gone and reaped."""
    if process.returncode is not None:
        return
    try:
        process.terminate()
        async with asyncio.timeout(STOP_GRACE_S):
            await process.wait()
    except (TimeoutError, ProcessLookupError):
        pass
    finally:
        if process.returncode is None:
            process.kill()
    await process.wait()


def _judge(status: int, output: bytes, complaint: bytes) -> Answer:
    """What a child's end means.

    Raises:
        ForbiddenRequestError: The guard fired inside the child.
    """
    if status == EXIT_FORBIDDEN:
        raise ForbiddenRequestError(clean(output))
    if status != 0:
        last_line = clean((complaint.strip().splitlines() or [b"no word"])[-1])
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        return _lost(f"the child process {how}: {last_line}")
    try:
        return decode_answer(output)
    except (BoundsError, msgspec.DecodeError) as error:
        return _lost(f"the child process answered nonsense: {clean(str(error).encode())}")


def _lost(detail: str) -> Answer:
    """No answer came out of the child: most likely the server sent something that no server should send."""
    return Answer(outcome=Outcome.MALFORMED, detail=detail)
