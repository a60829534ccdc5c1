"""The engineer: trusts a server whose certificate has the thumbprint that was told, and no other."""

import hashlib
from pathlib import Path

import pytest

from agent.demo.install import trust_server

CERTIFICATE = b"any bytes will do: trust is by comparison"
THUMBPRINT = hashlib.sha256(CERTIFICATE).hexdigest()


@pytest.fixture
def pki(tmp_path: Path) -> Path:
    (tmp_path / "pending").mkdir()
    (tmp_path / "pending" / "127.0.0.1_4840-abc.der").write_bytes(CERTIFICATE)
    return tmp_path


def test_certificate_with_the_thumbprint_that_was_told_is_trusted(pki: Path) -> None:
    assert trust_server(pki, THUMBPRINT.upper())
    assert (pki / "trusted" / "127.0.0.1_4840-abc.der").read_bytes() == CERTIFICATE
    assert not trust_server(pki, THUMBPRINT)


def test_certificate_with_another_thumbprint_keeps_waiting(pki: Path) -> None:
    assert not trust_server(pki, "00" * 32)
    assert not (pki / "trusted").exists()


def test_nothing_is_trusted_before_anything_waits(tmp_path: Path) -> None:
    assert not trust_server(tmp_path, THUMBPRINT)
