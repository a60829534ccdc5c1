"""What the gateway does with the words of a broker that mosquitto hardly ever says: every one of them has its fate."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.core.fates import BLAMING, ENDINGS
from agent.publish.errors import BrokerRefusedError
from agent.publish.mqtt import Connection
from agent.publish.spool import Spool
from buffer.outbox import Stored
from evidence import kinds
from tests.agent.publish.chains import EPOCH, body
from tests.agent.publish.scripted import Decision, Hangup, Scripted, scripted
from tests.agent.publish.test_mqtt import WILL, at
from tests.agent.publish.test_role import Gateway, until

LARGE_BYTES = 2500


def evidence_is(answer: Callable[[bytes], "int | Hangup"]) -> Decision:
    """Answer reports so; take everything else."""
    return lambda topic, payload: answer(payload) if topic.endswith("/evidence") else 0


def came(broker: Scripted) -> set[bytes]:
    return {payload for topic, payload in broker.came if topic.endswith("/evidence")}


def gap_of(spool: Spool, gateway: Gateway, seq: int) -> kinds.Body:
    found = spool.outbox.find(EPOCH, seq)
    assert isinstance(found, Stored)
    return body(found, gateway.author.signer)


async def test_a_broker_whose_quota_is_spent_is_asked_again_and_everything_arrives(tmp_path: Path) -> None:
    left = [6]

    def quota(_payload: bytes) -> int:
        left[0] -= 1
        return 0x97 if left[0] >= 0 else 0

    async with scripted(Scripted(decide=evidence_is(quota))) as broker:
        gateway = Gateway(tmp_path, broker.port)
        gateway.write(40)
        async with gateway.publishing(receipts=False) as spool:
            await until(lambda: spool.outbox.depth().count == 0)
    assert len(came(broker)) == 41 and broker.connections == 1


async def test_a_broker_that_lets_nobody_write_has_nothing_given_up_and_is_not_pestered(tmp_path: Path) -> None:
    async with scripted(Scripted(decide=evidence_is(lambda _: 0x87))) as broker:
        gateway = Gateway(tmp_path, broker.port)
        gateway.write(40)
        async with gateway.publishing() as spool:
            await asyncio.sleep(2.0)
            assert spool.outbox.depth().count == 41
    assert len(broker.came) < 40  # a window, and two probes for each pause


@pytest.mark.parametrize("reason_code", sorted(BLAMING)[1:3])
async def test_what_the_broker_hangs_up_over_is_confessed_after_three_times(tmp_path: Path, reason_code: int) -> None:
    def hang_up(payload: bytes) -> int | Hangup:
        return Hangup(reason_code) if len(payload) > LARGE_BYTES else 0

    async with scripted(Scripted(decide=evidence_is(hang_up))) as broker:
        gateway = Gateway(tmp_path, broker.port)
        gateway.write(1, padding=1000)
        gateway.write(30)
        async with gateway.publishing() as spool:
            await until(lambda: spool.outbox.find(EPOCH, 32) is not None, within_s=30)
            gap = gap_of(spool, gateway, 32)
            await until(lambda: len(came(broker)) == 32)
    assert isinstance(gap, kinds.Gap) and (gap.from_seq, gap.to_seq) == (1, 1)
    assert broker.connections <= 5  # this broker drops answers that are due when it hangs up, so another may be blamed, once


async def test_a_broker_that_hangs_up_over_everything_has_nothing_given_up(tmp_path: Path) -> None:
    async with scripted(Scripted(decide=evidence_is(lambda _: Hangup(0x95)))) as broker:
        gateway = Gateway(tmp_path, broker.port)
        gateway.write(3)
        async with gateway.publishing() as spool:
            await until(lambda: broker.connections == 5, within_s=40)
            assert spool.outbox.depth().count == 4


async def test_a_lost_connection_is_blamed_on_no_envelope(tmp_path: Path) -> None:
    seen: list[bytes] = []

    def once(payload: bytes) -> int | Hangup:
        seen.append(payload)
        return Hangup(0x89) if seen.count(payload) < 4 and payload is not seen[0] and len(seen) % 3 == 0 else 0

    async with scripted(Scripted(decide=evidence_is(once))) as broker:
        gateway = Gateway(tmp_path, broker.port)
        gateway.write(4)
        async with gateway.publishing(receipts=False) as spool:
            await until(lambda: spool.outbox.depth().count == 0, within_s=40)
    assert len(came(broker)) == 5


@pytest.mark.parametrize("receive_maximum", [1, 3, 10])
async def test_the_broker_s_receive_maximum_covers_status_and_health_too(tmp_path: Path, receive_maximum: int) -> None:
    async with scripted(Scripted(receive_maximum=receive_maximum, delay_s=0.005)) as broker:
        gateway = Gateway(tmp_path, broker.port)
        gateway.write(40)
        async with gateway.publishing(receipts=False) as spool:
            await until(lambda: spool.outbox.depth().count == 0)
            await until(lambda: any(topic.endswith("/health") for topic, _ in broker.came))
            assert broker.connections == 1 and broker.most_unanswered <= receive_maximum


async def test_a_broker_that_answers_no_message_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.core.delivery.SILENT_AFTER_S", 0.5)
    async with scripted(Scripted(delay_s=60)) as broker:
        gateway = Gateway(tmp_path, broker.port)
        gateway.write(1)
        async with gateway.publishing():
            await until(lambda: broker.connections >= 2)


@pytest.mark.parametrize("reason_code", [0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x97, 0x9A, 0x9B, 0x9C, 0x9D, 0x9F])
async def test_a_broker_that_lets_nobody_in_is_told_with_where_to_look(reason_code: int) -> None:
    async with scripted(Scripted(greeting=reason_code)) as broker:
        with pytest.raises(BrokerRefusedError, match=re.escape(ENDINGS[reason_code])):
            await Connection.open(at(broker.port), WILL, lambda _: None)


@pytest.mark.parametrize(("reason_code", "level"), [(0x8B, "WARNING"), (0x8E, "ERROR"), (0x98, "WARNING")])
async def test_the_last_word_of_a_broker_is_logged_with_where_to_look_and_a_twin_is_an_alarm(
    tmp_path: Path, reason_code: int, level: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with scripted(Scripted(decide=lambda *_: Hangup(reason_code))) as broker, Gateway(tmp_path, broker.port).publishing():
        await until(lambda: ENDINGS[reason_code] in caplog.text)
    assert level in caplog.text
