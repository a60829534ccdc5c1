"""A visit ends with one named outcome in its time, whatever the server does, and always with a FIN of ours."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from protocols.contract import Answer, Ask, Endpoint, Limits, Outcome, Transport
from protocols.opcua.visit import visit
from tests.simulators.rogue_opcua import Mode, RogueServer

LIMITS = Limits(connect_timeout_s=0.5, response_timeout_s=0.5, gap_s=0.0, max_requests=40, visit_s=8.0)


async def look(port: int, pki: Path, limits: Limits = LIMITS, **more: object) -> Answer:
    ask = Ask(endpoint=Endpoint(transport=Transport.OPC_UA, host="127.0.0.1", port=port), limits=limits, **more)
    return await visit(ask, pki, now=datetime.now(UTC), clock=time.monotonic)


@pytest.mark.parametrize(
    ("mode", "outcome"),
    [
        (Mode.SILENT, Outcome.SILENT),
        (Mode.HANGS_UP, Outcome.REFUSED),
        (Mode.HANGS_UP_ON_HELLO, Outcome.REFUSED),
        (Mode.GARBAGE, Outcome.MALFORMED),
        (Mode.ENDLESS_CHUNK, Outcome.MALFORMED),
        (Mode.UNWILLING, Outcome.REFUSED),
        (Mode.SILENT_CHANNEL, Outcome.SILENT),
        (Mode.HUGE_ANSWER, Outcome.MALFORMED),
        (Mode.NONSENSE_ANSWER, Outcome.MALFORMED),
        (Mode.OTHER_ANSWER, Outcome.MALFORMED),
        (Mode.FAULT, Outcome.REFUSED),
    ],
)
async def test_rogue_server_gets_its_name_within_the_deadline(mode: Mode, outcome: Outcome, tmp_path: Path) -> None:
    async with RogueServer(mode) as rogue, asyncio.timeout(4):
        answer = await look(rogue.port, tmp_path)
    assert answer.outcome is outcome, answer.detail
    assert answer.detail.isprintable() and rogue.connections == answer.ledger.connections == 1
    assert answer.ledger.received_bytes < 3 * 1024 * 1024


@pytest.mark.parametrize("mode", [Mode.SILENT, Mode.SILENT_CHANNEL, Mode.FAULT])
async def test_connection_ends_with_our_fin(mode: Mode, tmp_path: Path) -> None:
    async with RogueServer(mode) as rogue, asyncio.timeout(4):
        await look(rogue.port, tmp_path)
        await rogue.ended.wait()


async def test_cancelled_visit_still_ends_with_our_fin(tmp_path: Path) -> None:
    async with RogueServer(Mode.SILENT_CHANNEL) as rogue, asyncio.timeout(4):
        task = asyncio.create_task(look(rogue.port, tmp_path))
        await rogue.engaged.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await rogue.ended.wait()
    assert task.cancelled()


async def test_whole_visit_has_a_limit_of_its_own(tmp_path: Path) -> None:
    slow = Limits(connect_timeout_s=1, response_timeout_s=60, gap_s=0, max_requests=40, visit_s=0.4)
    async with RogueServer(Mode.SILENT) as rogue, asyncio.timeout(4):
        answer = await look(rogue.port, tmp_path, slow)
    assert answer.outcome is Outcome.SILENT and "0.4 s" in answer.detail


async def test_port_without_a_server_is_unreachable(tmp_path: Path) -> None:
    async with RogueServer(Mode.SILENT) as rogue:
        port = rogue.port
    answer = await look(port, tmp_path)
    assert answer.outcome is Outcome.UNREACHABLE and answer.ledger.connections == 0
    assert "refused" in answer.detail


async def test_failure_of_the_network_forgets_nothing_that_was_learned(tmp_path: Path) -> None:
    async with RogueServer(Mode.SILENT) as rogue:
        answer = await look(rogue.port, tmp_path, learned=("open-session",))
    assert answer.learned == ("open-session",)


async def test_refusal_makes_the_next_visit_look_first(tmp_path: Path) -> None:
    async with RogueServer(Mode.FAULT) as rogue:
        answer = await look(rogue.port, tmp_path, learned=("open-session",))
    assert answer.outcome is Outcome.REFUSED and answer.learned == ()
    assert set(answer.ledger.requests) == {"OpenSecureChannel", "CreateSession", "CloseSecureChannel"}
