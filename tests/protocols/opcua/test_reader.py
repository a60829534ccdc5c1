"""The gateway's side: real servers through a real child process, and children that misbehave."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import psutil
import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.common.utils import ServiceError

from agent.demo.opcua_device import OpcUaDevice, Specification
from protocols.contract import Answer, Ask, Endpoint, Field, Limits, Outcome, Security, Transport
from protocols.errors import ForbiddenRequestError
from protocols.opcua.guard import ALLOWED_SERVICES
from protocols.opcua.reader import OpcUaReader
from tests.simulators.rogue_opcua import Exchange, Mode, RogueServer

in_one_loop = pytest.mark.asyncio(loop_scope="module")

QUICK = Limits(gap_s=0, max_requests=40)
SECURE = Security.SIGN_AND_ENCRYPT
GATEWAY = """
import asyncio, sys, msgspec
from pathlib import Path
from protocols.contract import Ask
from protocols.opcua.reader import OpcUaReader
async def look():
    return [answer async for answer in OpcUaReader(Path(sys.argv[2])).visit([msgspec.json.decode(sys.argv[1], type=Ask)])]
asyncio.run(look())
"""
NAMEPLATE = {
    "Manufacturer": "ACME\x1b[31m",
    "Model": "P7",
    "ProductCode": "P7-S",
    "SerialNumber": "S1",
    "HardwareRevision": "2",
    "SoftwareRevision": "V2.0",
    "ProductInstanceUri": "https://acme.example/S1",
    "DeviceManual": "https://acme.example/manual",
}


def ask(port: int, security: Security = Security.NONE, limits: Limits = QUICK, **more: object) -> Ask:
    endpoint = Endpoint(transport=Transport.OPC_UA, host="127.0.0.1", port=port)
    return Ask(endpoint=endpoint, limits=limits, security=security, **more)


async def look(reader: OpcUaReader, what: Ask) -> Answer:
    answers = [answer async for answer in reader.visit([what])]
    assert len(answers) == 1
    return answers[0]


@pytest.fixture(autouse=True)
def no_child_is_left_behind() -> Iterator[None]:
    yield
    assert psutil.Process().children() == []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def open_device() -> AsyncIterator[OpcUaDevice]:
    device = OpcUaDevice(Specification(name="Mixer 2"))
    await device.start()
    yield device
    await device.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def secure_device(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OpcUaDevice]:
    folder = tmp_path_factory.mktemp("server")
    device = OpcUaDevice(Specification(security=SECURE, pki_dir=str(folder), devices={"PLC_1": NAMEPLATE}))
    await device.start()
    yield device
    await device.stop()


@in_one_loop
async def test_server_without_security_is_identified_by_its_build_info(open_device: OpcUaDevice, tmp_path: Path) -> None:
    reader = OpcUaReader(tmp_path)
    open_device.requests.clear()
    first = await look(reader, ask(open_device.port))
    assert first.outcome is Outcome.IDENTIFIED and first.components[0].version == "1.0.0"
    assert first.posture is not None and "no-security" in first.posture.findings
    assert first.ledger.requests["GetEndpoints"] == 1
    assert set(open_device.requests) <= set(ALLOWED_SERVICES.values())

    again = await look(reader, ask(open_device.port, learned=first.learned))
    assert again.facts == first.facts and again.posture == first.posture
    assert "GetEndpoints" not in again.ledger.requests and again.ledger.connections == 1


@in_one_loop
async def test_gap_between_requests_is_kept(open_device: OpcUaDevice, tmp_path: Path) -> None:
    answer = await look(OpcUaReader(tmp_path), ask(open_device.port, limits=Limits(gap_s=0.05, max_requests=40)))
    assert answer.ledger.smallest_gap_ms is not None and answer.ledger.smallest_gap_ms >= 49


@in_one_loop
async def test_two_visits_never_overlap(open_device: OpcUaDevice, tmp_path: Path) -> None:
    reader = OpcUaReader(tmp_path)
    visits = [asyncio.create_task(look(reader, ask(open_device.port))) for _ in range(2)]
    most = 0
    while not all(visit.done() for visit in visits):
        most = max(most, len(psutil.Process().children()))
        await asyncio.sleep(0.01)
    assert [visit.result().outcome for visit in visits] == [Outcome.IDENTIFIED] * 2
    assert most == 1


@in_one_loop
async def test_secure_server_is_trusted_only_after_a_person_moved_its_certificate(
    secure_device: OpcUaDevice, tmp_path: Path
) -> None:
    reader = OpcUaReader(tmp_path)
    unknown = await look(reader, ask(secure_device.port, SECURE))
    assert unknown.outcome is Outcome.UNTRUSTED and unknown.facts == ()
    assert set(unknown.ledger.requests) == {"OpenSecureChannel", "GetEndpoints", "CloseSecureChannel"}
    assert unknown.posture is not None and unknown.posture.certificate is not None
    [pending] = (tmp_path / "pending").iterdir()
    thumbprint = unknown.posture.certificate.thumbprint_sha256
    assert thumbprint in unknown.detail and f"trust accept {thumbprint[:16]} --pki-dir {tmp_path}" in unknown.detail
    assert pending.read_bytes() == secure_device.certificate

    (tmp_path / "trusted").mkdir()
    pending.rename(tmp_path / "trusted" / pending.name)
    secure_device.requests.clear()
    known = await look(reader, ask(secure_device.port, SECURE, learned=unknown.learned))
    assert known.outcome is Outcome.IDENTIFIED, known.detail
    assert {fact.field: fact.value for fact in known.facts} == {
        Field.MANUFACTURER_NAME: "ACME[31m",
        Field.MANUFACTURER_PRODUCT_DESIGNATION: "P7",
        Field.ORDER_CODE_OF_MANUFACTURER: "P7-S",
        Field.SERIAL_NUMBER: "S1",
        Field.HARDWARE_VERSION: "2",
        Field.FIRMWARE_VERSION: "V2.0",
        Field.URI_OF_THE_PRODUCT: "https://acme.example/S1",
    }
    assert known.facts[0].raw == NAMEPLATE["Manufacturer"].encode().hex()
    assert known.children == () and known.ledger.connections == 1 and "GetEndpoints" not in known.ledger.requests
    assert set(secure_device.requests) <= set(ALLOWED_SERVICES.values())

    await secure_device.change("PLC_1", "SoftwareRevision", "V2.1")
    changed = await look(reader, ask(secure_device.port, SECURE, learned=known.learned))
    assert {fact.value for fact in changed.facts} ^ {fact.value for fact in known.facts} == {"V2.0", "V2.1"}


@in_one_loop
@pytest.mark.parametrize("security", [Security.NONE, Security.SIGN])
async def test_server_that_does_not_offer_the_mode_names_the_line_to_set(
    secure_device: OpcUaDevice, tmp_path: Path, security: Security
) -> None:
    answer = await look(OpcUaReader(tmp_path), ask(secure_device.port, security))
    assert answer.outcome is Outcome.REFUSED
    assert 'security = "sign-and-encrypt"' in answer.detail
    assert answer.posture is not None and answer.posture.certificate is not None


@in_one_loop
async def test_server_whose_certificate_is_not_the_pinned_one_gets_no_session(secure_device: OpcUaDevice, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    impostor = OpcUaDevice(Specification(security=SECURE, pki_dir=str(other)))
    impostor._make_certificate(other)
    (tmp_path / "trusted").mkdir()
    (tmp_path / "trusted" / f"127.0.0.1_{secure_device.port}-old.der").write_bytes(impostor.certificate)
    reader = OpcUaReader(tmp_path)
    patience = Limits(gap_s=0, max_requests=40, response_timeout_s=0.5)
    answer = await look(reader, ask(secure_device.port, SECURE, patience))
    assert answer.outcome is Outcome.UNTRUSTED and "has changed" in answer.detail and answer.facts == ()
    assert "is trusted here" not in answer.detail
    assert answer.ledger.connections == 2 and "CreateSession" not in answer.ledger.requests
    assert len(list((tmp_path / "pending").iterdir())) == 1


@in_one_loop
async def test_server_that_does_not_trust_us_yet_tells_which_file_to_carry_there(
    secure_device: OpcUaDevice, tmp_path: Path
) -> None:
    async def refuse(*_: object) -> None:
        raise ServiceError(ua.StatusCodes.BadCertificateUntrusted)

    (tmp_path / "trusted").mkdir()
    (tmp_path / "trusted" / f"127.0.0.1_{secure_device.port}-plc.der").write_bytes(secure_device.certificate)
    reader = OpcUaReader(tmp_path)
    secure_device.server.set_certificate_validator(refuse)
    first = await look(reader, ask(secure_device.port, SECURE))
    second = await look(reader, ask(secure_device.port, SECURE, learned=first.learned))
    secure_device.server.iserver.certificate_validator = None
    third = await look(reader, ask(secure_device.port, SECURE, learned=second.learned))
    ours = str(tmp_path / "own" / "nameplated.der")
    assert first.outcome is second.outcome is Outcome.UNTRUSTED, first.detail
    assert ours in first.detail and ours in second.detail
    assert "ActivateSession" not in second.ledger.requests and second.posture is not None
    assert third.outcome is Outcome.IDENTIFIED and third.ledger.connections == 1


@in_one_loop
async def test_trusted_certificate_is_found_by_its_content_and_costs_a_second_connection_once(
    secure_device: OpcUaDevice, tmp_path: Path
) -> None:
    (tmp_path / "trusted").mkdir()
    (tmp_path / "trusted" / "mixer 2.crt").write_bytes(secure_device.certificate)
    reader = OpcUaReader(tmp_path)
    first = await look(reader, ask(secure_device.port, SECURE))
    second = await look(reader, ask(secure_device.port, SECURE, learned=first.learned))
    assert first.outcome is second.outcome is Outcome.IDENTIFIED, first.detail
    assert (first.ledger.connections, second.ledger.connections) == (2, 1)


@in_one_loop
async def test_device_swapped_between_the_look_and_the_session_gets_no_session(
    secure_device: OpcUaDevice, tmp_path: Path
) -> None:
    folder = tmp_path / "impostor"
    folder.mkdir()
    impostor = OpcUaDevice(Specification(security=SECURE, pki_dir=str(folder)))
    await impostor.start()
    (tmp_path / "trusted").mkdir()
    (tmp_path / "trusted" / "mixer 2.der").write_bytes(secure_device.certificate)
    patience = Limits(gap_s=0, max_requests=40, response_timeout_s=0.5)
    async with Exchange(secure_device.port, impostor.port) as place:
        answer = await look(OpcUaReader(tmp_path), ask(place.port, SECURE, patience))
    counted = impostor.requests
    await impostor.stop()
    assert answer.outcome in {Outcome.UNTRUSTED, Outcome.REFUSED, Outcome.SILENT} and answer.facts == ()
    assert set(counted) <= {"OpenSecureChannel", "CloseSecureChannel"}


async def test_answer_that_would_fill_the_memory_ends_as_malformed_within_the_limits(tmp_path: Path) -> None:
    began = time.monotonic()
    async with RogueServer(Mode.BOMB) as rogue:
        answer = await look(OpcUaReader(tmp_path), ask(rogue.port))
        await rogue.ended.wait()
    assert answer.outcome is Outcome.MALFORMED, answer.detail
    assert time.monotonic() - began < 20


async def test_cancelled_visit_leaves_no_child_and_closes_its_connection(tmp_path: Path) -> None:
    async with RogueServer(Mode.SILENT) as rogue, asyncio.timeout(10):
        task = asyncio.create_task(look(OpcUaReader(tmp_path), ask(rogue.port)))
        await rogue.engaged.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await rogue.ended.wait()
    assert task.cancelled()


@in_one_loop
async def test_gateway_that_is_killed_leaves_neither_child_nor_session_behind(open_device: OpcUaDevice, tmp_path: Path) -> None:
    slowly = ask(open_device.port, limits=Limits(gap_s=0.3, max_requests=40))
    open_device.requests.clear()
    gateway = subprocess.Popen([sys.executable, "-c", GATEWAY, msgspec.json.encode(slowly), tmp_path])
    async with asyncio.timeout(20):
        while not open_device.requests["ActivateSession"]:
            await asyncio.sleep(0.02)
        [child] = psutil.Process(gateway.pid).children()
        gateway.kill()
        gateway.wait()
        while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:  # where nobody reaps what init inherits
            await asyncio.sleep(0.02)
    assert open_device.requests["CloseSession"] == open_device.requests["CloseSecureChannel"] == 1
    assert open_device.requests["Read"] == 0  # it did not go on with what nobody waits for


@pytest.mark.parametrize(
    ("behaviour", "detail"),
    [
        ("hangs", "did not end within"),
        ("floods", "more than 1 MiB"),
        ("babbles", "nonsense"),
        ("complains", "status 1: ValueError: [31mred"),
        ("is killed", "signal 9"),
        ("eats memory", "MemoryError"),
    ],
)
async def test_child_that_fails_is_a_named_outcome(behaviour: str, detail: str, tmp_path: Path) -> None:
    limits = Limits(connect_timeout_s=0.5, visit_s=1.0)
    async with asyncio.timeout(8):
        answer = await look(
            OpcUaReader(tmp_path, child="tests.protocols.opcua.bad_child"), ask(1, limits=limits, profile=behaviour)
        )
    assert answer.outcome is Outcome.MALFORMED and detail in answer.detail


async def test_violation_inside_the_child_stops_the_role(tmp_path: Path) -> None:
    reader = OpcUaReader(tmp_path, child="tests.protocols.opcua.bad_child")
    with pytest.raises(ForbiddenRequestError, match="i=673; environment "):
        await look(reader, ask(1, profile="violates"))


@in_one_loop
async def test_write_that_a_colleague_slips_in_stops_the_role_and_never_arrives(open_device: OpcUaDevice, tmp_path: Path) -> None:
    reader = OpcUaReader(tmp_path, child="tests.protocols.opcua.careless_child")
    open_device.requests.clear()
    with pytest.raises(ForbiddenRequestError, match="i=673"):
        await look(reader, ask(open_device.port))
    assert set(open_device.requests) <= set(ALLOWED_SERVICES.values())


async def test_trust_folder_is_relative_to_where_the_gateway_was_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with RogueServer(Mode.HANGS_UP) as rogue:
        await look(OpcUaReader(Path("pki")), ask(rogue.port, SECURE))
    assert (tmp_path / "pki" / "own" / "nameplated.der").exists()


async def test_each_ask_gets_one_answer_in_order(tmp_path: Path) -> None:
    async with RogueServer(Mode.HANGS_UP) as rogue:
        asks = [ask(rogue.port), ask(rogue.port, learned=("open-session",))]
        answers = [answer async for answer in OpcUaReader(tmp_path).visit(asks)]
    assert [answer.outcome for answer in answers] == [Outcome.REFUSED] * 2 and rogue.connections == 2


def test_child_loads_the_clients_half_of_asyncua_alone() -> None:
    program = (
        "import sys; from protocols.opcua.library import load_the_clients_half; load_the_clients_half(); "
        "import protocols.opcua.visit; "
        "print(sorted({'asyncua.server.server', 'asyncua.client.client', 'asyncua.pubsub', 'dateutil'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_gateway_loads_neither_asyncua_nor_cryptography() -> None:
    program = "import sys, protocols.opcua.reader; print(sorted({'asyncua', 'cryptography'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
