"""Sessions with real servers: every policy and mode, every kind of user, and always closed."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from asyncua import ua
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from agent.demo.opcua_device import OpcUaDevice, Specification
from protocols.contract import Answer, Ask, Endpoint, Limits, Outcome, Security, Transport
from protocols.opcua.certificates import thumbprint, to_der
from protocols.opcua.own import own_identity
from protocols.opcua.visit import visit

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOW = datetime.now(UTC)
LIMITS = Limits(gap_s=0, max_requests=40, response_timeout_s=2)
ENCRYPT, SIGN, NONE = Security.SIGN_AND_ENCRYPT, Security.SIGN, Security.NONE


async def look(port: int, pki: Path, security: Security, **more: Any) -> Answer:
    endpoint = Endpoint(transport=Transport.OPC_UA, host="127.0.0.1", port=port)
    ask = Ask(endpoint=endpoint, limits=LIMITS, security=security, **more)
    return await visit(ask, pki, now=NOW, clock=time.monotonic)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OpcUaDevice]:
    device = OpcUaDevice(Specification(security=ENCRYPT, pki_dir=str(tmp_path_factory.mktemp("server"))))
    await device.start()
    yield device
    await device.stop()


async def offer(device: OpcUaDevice, pki: Path, **what: Any) -> None:
    """Let the server offer other ways in from now on; a person has put its certificate into the trust folder."""
    inner: Any = device.server
    inner.iserver.endpoints.clear()
    inner._policies.clear()
    inner.set_identity_tokens([ua.AnonymousIdentityToken])
    device._specification = Specification(pki_dir=device._specification.pki_dir, **what)
    await device._secure()
    await inner._setup_server_nodes()
    device.requests.clear()
    (pki / "trusted").mkdir()
    (pki / "trusted" / "it.der").write_bytes(device.certificate)


@pytest.mark.parametrize(
    ("policy", "security"),
    [
        ("Basic256Sha256", SIGN),
        ("Aes128_Sha256_RsaOaep", SIGN),
        ("Aes256_Sha256_RsaPss", SIGN),
        ("Aes256_Sha256_RsaPss", ENCRYPT),
    ],
)
async def test_every_policy_is_found_out_in_the_first_visit_and_remembered(
    server: OpcUaDevice, tmp_path: Path, policy: str, security: Security
) -> None:
    await offer(server, tmp_path, security=security, policies=(policy,))
    first = await look(server.port, tmp_path, security)
    second = await look(server.port, tmp_path, security, learned=first.learned)
    assert first.outcome is second.outcome is Outcome.IDENTIFIED, first.detail
    assert first.learned == second.learned and f"policy={policy}" in first.learned
    assert (first.ledger.connections, second.ledger.connections) == (2, 1)


async def test_pinned_server_without_the_usual_policy_is_looked_at_and_asked_again_in_the_same_visit(
    server: OpcUaDevice, tmp_path: Path
) -> None:
    await offer(server, tmp_path, security=SIGN, policies=("Aes256_Sha256_RsaPss",))
    (tmp_path / "trusted" / "it.der").rename(tmp_path / "trusted" / f"127.0.0.1_{server.port}-it.der")
    answer = await look(server.port, tmp_path, SIGN)
    assert answer.outcome is Outcome.IDENTIFIED and answer.ledger.connections == 3


@pytest.mark.parametrize(("policy", "security"), [("Basic256", ENCRYPT), ("Basic128Rsa15", SIGN)])
async def test_deprecated_policy_is_used_only_on_request_and_always_reported(
    server: OpcUaDevice, tmp_path: Path, policy: str, security: Security
) -> None:
    await offer(server, tmp_path, security=security, policies=(policy,))
    strict = await look(server.port, tmp_path, security)
    tolerant = await look(server.port, tmp_path, security, deprecated_policies=True)
    assert strict.outcome is Outcome.REFUSED and "deprecated_policies = true" in strict.detail
    assert tolerant.outcome is Outcome.IDENTIFIED, tolerant.detail
    assert f"deprecated-policy-used: {policy}" in tolerant.remarks
    assert tolerant.posture is not None and "deprecated-policy" in tolerant.posture.findings


@pytest.mark.parametrize("security", [SIGN, ENCRYPT])
async def test_user_logs_in_with_a_password_and_a_wrong_one_is_a_named_refusal(
    server: OpcUaDevice, tmp_path: Path, security: Security
) -> None:
    file, answers = tmp_path / "user", []
    await offer(server, tmp_path, security=security, users={"op": "ge:heim"})
    for line in ("op:ge:heim", "op:falsch"):
        file.write_text(line)
        file.chmod(0o600)
        answers.append(await look(server.port, tmp_path, security, username_file=str(file)))
    nobody = await look(server.port, tmp_path, security)
    assert [answer.outcome for answer in (*answers, nobody)] == [Outcome.IDENTIFIED, Outcome.REFUSED, Outcome.REFUSED]
    assert "BadUserAccessDenied" in answers[1].detail and str(file) in answers[1].detail
    assert "it lets in: username" in nobody.detail
    assert not any(word in str(answer) for answer in answers for word in ("heim", "falsch"))


async def test_user_logs_in_with_a_certificate(server: OpcUaDevice, tmp_path: Path) -> None:
    user = own_identity(tmp_path / "user", NOW)
    person = thumbprint(to_der(user.certificate))
    files = {"user_certificate_file": str(user.path), "user_key_file": str(user.path.with_suffix(".key"))}
    await offer(server, tmp_path, security=ENCRYPT, user_thumbprints=(person,))
    known = await look(server.port, tmp_path, ENCRYPT, **files)
    nobody = await look(server.port, tmp_path, ENCRYPT)
    assert known.outcome is Outcome.IDENTIFIED, known.detail
    assert nobody.outcome is Outcome.REFUSED and "it lets in: certificate" in nobody.detail


async def test_password_never_leaves_over_a_connection_without_security(server: OpcUaDevice, tmp_path: Path) -> None:
    file = tmp_path / "user"
    file.write_text("op:geheim")
    file.chmod(0o600)
    await offer(server, tmp_path, users={"op": "geheim"})
    answer = await look(server.port, tmp_path, NONE, username_file=str(file))
    assert answer.outcome is Outcome.REFUSED and "was not sent" in answer.detail
    assert "ActivateSession" not in server.requests
    assert answer.posture is not None and "cleartext-password" in answer.posture.findings


async def test_user_whose_file_is_missing_costs_the_device_nothing(tmp_path: Path) -> None:
    answer = await look(1, tmp_path, ENCRYPT, username_file=str(tmp_path / "none"))
    assert answer.outcome is Outcome.UNTRUSTED and answer.ledger.connections == 0
    assert answer.detail.endswith("none cannot be read: No such file or directory")


class IssuedDevice(OpcUaDevice):
    """A server whose certificate the plant's own authority has issued."""

    def __init__(self, specification: Specification, host: str) -> None:
        super().__init__(specification)
        self._host = host
        self.authority = b""

    def _make_certificate(self, folder: Path) -> tuple[Path, Path]:
        files = super()._make_certificate(folder)
        works = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Works CA")])
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        until = NOW + timedelta(days=9)
        root = x509.CertificateBuilder(works, works, key.public_key(), 1, NOW - timedelta(days=1), until)
        root = root.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        own = x509.load_der_x509_certificate(self.certificate)
        names = [x509.UniformResourceIdentifier(self._specification.uri), x509.DNSName(self._host)]
        leaf = x509.CertificateBuilder(works, own.subject, own.public_key(), 7, NOW - timedelta(days=1), until)
        leaf = leaf.add_extension(x509.SubjectAlternativeName(names), critical=False)
        self.certificate = leaf.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
        self.authority = root.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        files[1].write_bytes(self.certificate)
        return files


async def test_authority_of_the_plant_vouches_for_a_server_and_its_certificate_is_remembered(tmp_path: Path) -> None:
    device = IssuedDevice(Specification(security=ENCRYPT, pki_dir=str(tmp_path)), "localhost")
    await device.start()
    (tmp_path / "trusted" / "ca").mkdir(parents=True)
    (tmp_path / "trusted" / "ca" / "works.pem").write_bytes(device.authority)
    endpoint = Endpoint(transport=Transport.OPC_UA, host="localhost", port=device.port)
    ask = Ask(endpoint=endpoint, limits=LIMITS, security=ENCRYPT)
    first = await visit(ask, tmp_path, now=NOW, clock=time.monotonic)
    second = await visit(ask, tmp_path, now=NOW, clock=time.monotonic)
    await device.stop()
    assert first.outcome is second.outcome is Outcome.IDENTIFIED, first.detail
    assert (first.ledger.connections, second.ledger.connections) == (2, 1)
