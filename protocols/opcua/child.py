"""One visit in its own process: `python -I -m protocols.opcua.child`, a job on stdin, an answer on stdout.

Decides how much of the machine a visit may use, before the first foreign line of code is loaded. Never outlives its visit or
the gateway, writes nothing else on stdout, and leaves the gateway's memory as it was: asyncua costs 20 MiB, and a hostile answer
far more.

Standard input is the lifeline. The gateway holds its other end, and the system closes it when the gateway ends, however it ends;
then the visit is cancelled, which gives the server its session back. A signal of the system instead would leave the session open.

Exit status: 0 with an answer; 70 with the guard's sentence instead of one; anything else without.
"""

import asyncio
import gc
import logging
import os
import resource
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from protocols.contract import Answer
from protocols.errors import ForbiddenRequestError
from protocols.opcua.library import load_the_clients_half
from protocols.opcua.wire import EXIT_FORBIDDEN, MAX_JOB_BYTES, Job, decode_job, encode_answer

MEMORY_BYTES = 256 * 1024 * 1024  # of address space: a visit takes 56 MiB of it, and one thread for names up to 140 more
CPU_S = 10  # a visit takes 0.5 s here, and about 3 s on a small board
OPEN_FILES = 64
LIFELINE = 0  # standard input


def main() -> int:
    """Do one job."""
    gc.disable()  # a process of seconds leaves its cycles to its end: a tenth less processor time, 1.6 MiB more
    answers = _take_stdout()
    job = decode_job(sys.stdin.buffer.readline(MAX_JOB_BYTES))
    confine()
    logging.disable(logging.CRITICAL)  # asyncua logs what servers say; the answer has what matters
    try:
        answer = asyncio.run(_visit(job))
    except ForbiddenRequestError as error:
        _put(answers, str(error).encode())
        return EXIT_FORBIDDEN
    _put(answers, encode_answer(answer))
    return 0


def confine() -> None:
    """Limit this process for good: no answer of a server can take more of the machine than this."""
    for limit, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(limit)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (allowed, allowed))


async def _visit(job: Job) -> Answer:
    """Look; being told to stop, or left alone, cancels, and cancelling closes session and connection."""
    load_the_clients_half()
    from protocols.opcua.visit import visit  # noqa: PLC0415  # brings asyncua, which must load inside the limits

    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(visit(job.ask, Path(job.pki_dir), now=datetime.now(UTC), clock=time.monotonic))
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    loop.add_reader(LIFELINE, _left_alone, loop, task)
    return await task


def _left_alone(loop: asyncio.AbstractEventLoop, task: asyncio.Future[Answer]) -> None:
    """The lifeline has ended: nothing is ever said on it after the job."""
    loop.remove_reader(LIFELINE)
    task.cancel()


def _take_stdout() -> int:
    """Keep stdout for the answer; whatever else is printed goes to stderr."""
    answers = os.dup(1)
    os.dup2(2, 1)
    return answers


def _put(descriptor: int, data: bytes) -> None:
    with os.fdopen(descriptor, "wb") as out:
        out.write(data)


if __name__ == "__main__":
    sys.exit(main())
