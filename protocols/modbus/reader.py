"""The Modbus reader: holds the dialogues over one line and turns what they learn into answers.

Decides which dialogue an ask deserves: a profile's if one is named, device identification if not, never both. Must
never raise for anything that a device or the network does, nor open a second connection while one stands.

Source: `protocols.contract.Reader`.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import replace

from protocols.contract import Answer, Ask
from protocols.errors import ReadError
from protocols.modbus.dialogue import Dialogue, Result
from protocols.modbus.identification import identify
from protocols.modbus.nameplate import from_identification, from_profile
from protocols.modbus.readout import read_out
from protocols.modbus.wire import Line
from protocols.profile import bundled
from protocols.profile_form import Profile

Overheard = Callable[[bytes, bytes], None]
"""Whoever is told each request PDU and its answer, which is empty where none came."""


class ModbusReader:
    """Looks at Modbus devices over TCP, over RTU on a serial line, and over RTU in TCP. Implements `contract.Reader`."""

    def __init__(self, profiles: Mapping[str, Profile] | None = None, *, overheard: Overheard | None = None) -> None:
        """Take the profiles that asks may name (those that come with the program if none are given), and who listens in."""
        self._profiles = bundled() if profiles is None else profiles
        self._overheard = overheard

    async def visit(self, asks: Sequence[Ask]) -> AsyncGenerator[Answer, None]:
        """Look at each unit in turn over one connection and yield one answer for each, in order.

        The connection has ended when the last answer is yielded, so that its ledger is the whole truth.

        Args:
            asks: All with the same transport, host and port.

        Raises:
            ForbiddenRequestError: The read-only guard fired.
            KeyError: An ask names a profile that this reader was not given.
        """
        if not asks:
            return
        line = Line(asks[0].endpoint)
        try:
            for number, ask in enumerate(asks, start=1):
                answer = await self._look(line, ask)
                if number == len(asks):
                    await line.close()
                remarks = tuple(sorted({*answer.remarks, *map(str, line.remarks)}))
                yield replace(answer, remarks=remarks, ledger=line.settle())
        finally:
            await line.close()

    async def _look(self, line: Line, ask: Ask) -> Answer:
        """Hold the one dialogue that this ask deserves."""
        if ask.profile:
            profile = self._profiles[ask.profile]
            reading = read_out(profile, ask.learned, max_requests=ask.limits.max_requests)
            readout, failure = await _converse(line, ask, reading, self._overheard)
            return from_profile(profile, readout, failure)
        identifying = identify(ask.learned, max_requests=ask.limits.max_requests)
        found, failure = await _converse(line, ask, identifying, self._overheard)
        return from_identification(found, failure)


async def _converse(
    line: Line, ask: Ask, dialogue: Dialogue[Result], overheard: Overheard | None
) -> tuple[Result, ReadError | None]:
    """Drive a dialogue over the line to its end; return what it learned, and what cut it short."""
    until = asyncio.get_running_loop().time() + ask.limits.visit_s
    failure: ReadError | None = None
    try:
        request = next(dialogue)
        while True:
            try:
                answer = await line.exchange(ask.endpoint.unit or 0, request, ask.limits, until=until)
            except ReadError as error:
                failure, answer = error, b""
            if overheard is not None:
                overheard(request, answer)
            request = dialogue.send(answer)
    except StopIteration as end:
        result: Result = end.value
        return result, failure
