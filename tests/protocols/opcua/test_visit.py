"""A visit ends with one named outcome in its time, whatever the server does, and always with a FIN of ours."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asyncua import ua
from asyncua.common.utils import ServiceError
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from agent.demo.opcua_device import OpcUaDevice, Specification
from protocols.contract import Answer, Ask, Endpoint, Limits, Outcome, Security, Transport
from protocols.opcua.certificates import make_certificate, to_der
from protocols.opcua.own import own_identity, renew
from protocols.opcua.visit import visit
from tests.simulators.rogue_opcua import Mode, RogueServer

LIMITS = Limits(connect_timeout_s=0.5, response_timeout_s=0.5, gap_s=0.0, max_requests=40, visit_s=8.0)
PATIENT = replace(LIMITS, response_timeout_s=20.0, visit_s=25.0)  # two hundred thousand nothings cost a busy machine seconds


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
        (Mode.ENDLESS_CHUNKS, Outcome.MALFORMED),
        (Mode.DRIP, Outcome.SILENT),
        (Mode.CUT, Outcome.REFUSED),
        (Mode.LYING_TEXT, Outcome.MALFORMED),
        (Mode.UNKNOWN_WAYS, Outcome.REFUSED),
        (Mode.NO_SESSION_LEFT, Outcome.REFUSED),
        (Mode.NESTED_NULLS, Outcome.MALFORMED),
        (Mode.MANY_NULLS, Outcome.ANONYMOUS),
        (Mode.ENDLESS_PAGES, Outcome.ANONYMOUS),
    ],
)
async def test_rogue_server_gets_its_name_within_the_deadline(mode: Mode, outcome: Outcome, tmp_path: Path) -> None:
    limits = PATIENT if mode is Mode.MANY_NULLS else LIMITS
    async with RogueServer(mode) as rogue, asyncio.timeout(2.5 * limits.visit_s):
        answer = await look(rogue.port, tmp_path, limits)
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
    assert answer.outcome is Outcome.REFUSED and answer.learned == ("look-first",)
    assert set(answer.ledger.requests) == {"OpenSecureChannel", "CreateSession", "GetEndpoints", "CloseSecureChannel"}


async def test_server_without_a_session_left_is_still_an_asset_with_a_name_and_a_posture(tmp_path: Path) -> None:
    async with RogueServer(Mode.NO_SESSION_LEFT) as rogue:
        first = await look(rogue.port, tmp_path)
        known = await look(rogue.port, tmp_path, learned=("open-session",))
    for answer in (first, known):
        assert answer.outcome is Outcome.REFUSED and "no session left" in answer.detail and "urn:rogue" in answer.detail
        assert answer.posture is not None and answer.posture.application_uri == "urn:rogue"
        assert answer.ledger.requests["GetEndpoints"] == answer.ledger.connections == 1


async def test_numbers_of_a_later_standard_spoil_only_the_endpoint_that_has_them(tmp_path: Path) -> None:
    async with RogueServer(Mode.UNKNOWN_WAYS) as rogue:
        answer = await look(rogue.port, tmp_path)
    assert answer.posture is not None and answer.remarks == ("endpoint-of-unknown-mode",)
    [way] = answer.posture.offered
    assert (way.mode, way.policy, way.user_tokens) == ("invalid", "Quantum", ("unknown",))
    assert "none of its modes is known" in answer.detail


async def test_endless_pages_are_followed_five_times_and_given_back(tmp_path: Path) -> None:
    async with RogueServer(Mode.ENDLESS_PAGES) as rogue:
        answer = await look(rogue.port, tmp_path)
    assert "devices-cut" in answer.remarks
    assert (rogue.requests["Browse"], rogue.requests["BrowseNext"]) == (1, 5)
    assert rogue.requests["CloseSession"] == 1


async def test_protection_that_cannot_be_had_is_never_left_away(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    curve = make_certificate(key, "urn:plc", "plc", datetime.now(UTC), timedelta(days=9))  # type: ignore[arg-type]  # on purpose
    (tmp_path / "trusted").mkdir()
    (tmp_path / "trusted" / "127.0.0.1_1-plc.der").write_bytes(to_der(curve))
    answer = await look(1, tmp_path, security=Security.SIGN_AND_ENCRYPT)
    assert answer.outcome is Outcome.UNTRUSTED and "no RSA key" in answer.detail and answer.ledger.connections == 0


async def test_renewal_keeps_every_server_readable_and_costs_a_second_connection_once_a_day(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    own, following = own_identity(tmp_path, now), renew(tmp_path, now)
    trusted = {to_der(own.certificate)}

    async def judge(certificate: x509.Certificate, *_: object) -> None:
        if to_der(certificate) not in trusted:
            raise ServiceError(ua.StatusCodes.BadCertificateUntrusted)

    device = OpcUaDevice(Specification(security=Security.SIGN, pki_dir=str(tmp_path)))
    await device.start()
    device.server.set_certificate_validator(judge)
    (tmp_path / "trusted").mkdir()
    (tmp_path / "trusted" / f"127.0.0.1_{device.port}-plc.der").write_bytes(device.certificate)

    async def visited(later: timedelta, learned: tuple[str, ...]) -> Answer:
        endpoint = Endpoint(transport=Transport.OPC_UA, host="127.0.0.1", port=device.port)
        ask = Ask(endpoint=endpoint, limits=LIMITS, security=Security.SIGN, learned=learned)
        answer = await visit(ask, tmp_path, now=now + later, clock=time.monotonic)
        assert answer.outcome is Outcome.IDENTIFIED, answer.detail
        return answer

    first = await visited(timedelta(0), ())
    second = await visited(timedelta(hours=6), first.learned)
    third = await visited(timedelta(hours=25), second.learned)
    assert [one.ledger.connections for one in (first, second, third)] == [2, 1, 2]
    assert all("own-next-certificate-not-accepted" in one.remarks for one in (first, second, third))

    trusted.add(to_der(following.certificate))
    fourth = await visited(timedelta(hours=31), third.learned)  # refused a few hours ago: not yet its turn
    fifth = await visited(timedelta(hours=50), fourth.learned)
    trusted.remove(to_der(own.certificate))
    sixth = await visited(timedelta(hours=56), fifth.learned)
    assert [one.ledger.connections for one in (fourth, fifth, sixth)] == [1, 1, 1]
    assert fifth.remarks == sixth.remarks == ()
    await device.stop()


async def test_server_that_accepts_neither_of_ours_is_told_which_one_to_trust_and_is_shown_both_again(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    renew(tmp_path, now)

    async def refuse(*_: object) -> None:
        raise ServiceError(ua.StatusCodes.BadCertificateUntrusted)

    device = OpcUaDevice(Specification(security=Security.SIGN, pki_dir=str(tmp_path)))
    await device.start()
    device.server.set_certificate_validator(refuse)
    (tmp_path / "trusted").mkdir()
    (tmp_path / "trusted" / f"127.0.0.1_{device.port}-plc.der").write_bytes(device.certificate)
    first = await look(device.port, tmp_path, security=Security.SIGN)
    second = await look(device.port, tmp_path, security=Security.SIGN, learned=first.learned)
    await device.stop()
    assert first.outcome is second.outcome is Outcome.UNTRUSTED
    assert str(tmp_path / "own" / "next.der") in first.detail
    assert first.ledger.connections == second.ledger.connections <= 3
