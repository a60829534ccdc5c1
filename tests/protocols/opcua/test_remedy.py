"""Sentences that a person can act on: one line, with the file, the thumbprint or the key to set."""

from pathlib import Path

import pytest

from protocols.contract import Ask, Certificate, Endpoint, Security, Transport
from protocols.opcua import remedy
from protocols.opcua.posture import Offer

CERTIFICATE = Certificate(
    thumbprint_sha256="ab" * 32, subject="CN=plc", application_uri="urn:plc", not_before="", not_after="",
    key_bits=2048, signature_hash="sha256", self_signed=True,
)  # fmt: skip


def ask(security: Security) -> Ask:
    return Ask(endpoint=Endpoint(transport=Transport.OPC_UA, host="h", port=1), security=security)


def offers(*ways: tuple[str, str]) -> list[Offer]:
    return [Offer(url="", policy=policy, mode=mode, tokens=(), certificate=b"") for policy, mode in ways]


@pytest.mark.parametrize(
    ("ways", "security", "sentence"),
    [
        ([], Security.NONE, "no endpoint at all"),
        ([("None", "none"), ("Basic256Sha256", "sign")], Security.SIGN_AND_ENCRYPT, 'set security = "sign"'),
        ([("None", "none")], Security.SIGN, 'set security = "none"'),
        ([("Basic256Sha256", "sign"), ("Basic256Sha256", "sign-and-encrypt")], Security.NONE, '"sign-and-encrypt"'),
        ([("Basic256", "sign")], Security.SIGN, "deprecated_policies = true"),
        ([("ECC_nistP256", "sign")], Security.SIGN, "not known here (ECC_nistP256)"),
        ([("Quantum", "invalid")], Security.NONE, "none of its modes is known"),
        ([("ECC_nistP256", "sign")], Security.NONE, "none of its modes is known"),
    ],
)
def test_server_without_the_wanted_way_in_names_what_to_do(
    ways: list[tuple[str, str]], security: Security, sentence: str
) -> None:
    assert sentence in remedy.nothing_usable(offers(*ways), ask(security))


def test_unknown_certificate_is_compared_before_it_is_trusted() -> None:
    line = remedy.how_to_trust(CERTIFICATE, Path("/pki"), Path("/pki/own/us.der"), "no one has issued it")
    assert line.index("compare") < line.index("accept") and "ab" * 32 in line
    assert "trust accept abababababababab --pki-dir /pki," in line and "/pki/own/us.der" in line and "\n" not in line


def test_changed_certificate_is_called_changed() -> None:
    assert "has changed" in remedy.how_to_trust(CERTIFICATE, Path("/p/x"), Path("/o"), "it is not the pinned one")


@pytest.mark.parametrize("settled", [True, False])
def test_server_that_refuses_us_gets_our_certificate(settled: bool) -> None:
    line = remedy.let_it_trust_us("it refused", Path("/pki/own/us.der"), settled=settled)
    assert line.startswith("it refused") and "/pki/own/us.der" in line
