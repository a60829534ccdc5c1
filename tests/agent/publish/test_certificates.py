"""Certificates: when they are valid is read from their own bytes, whatever bytes those are."""

import ssl
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.publish.certificates import read_validity, reason, remark
from tests.secured import authority

NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    import shutil

    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    directory = tmp_path_factory.mktemp("ca")
    authority(directory, "gw", FROM="20250102030405Z", UNTIL="20510607080910Z")
    return (directory / "gw.crt").read_bytes()


def test_both_ends_are_read_whether_written_with_two_digits_of_a_year_or_four(pem: bytes) -> None:
    found = read_validity(b"a line before it\n" + pem + pem)
    assert found is not None
    assert (found.not_before, found.not_after) == (
        datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC),
        datetime(2051, 6, 7, 8, 9, 10, tzinfo=UTC),
    )


def test_only_a_certificate_that_is_not_valid_now_deserves_a_remark(pem: bytes) -> None:
    assert remark(pem, NOW) == ""
    assert "is not valid before 2025-01-02 03:04 UTC" in remark(pem, datetime(1970, 1, 1, tzinfo=UTC))
    assert "expired on 2051-06-07 08:09 UTC" in remark(pem, datetime(2060, 1, 1, tzinfo=UTC))
    assert remark(b"", NOW) == remark(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", NOW) == ""


@given(st.binary(max_size=200))
def test_any_bytes_in_a_certificate_s_clothes_are_read_or_left(content: bytes) -> None:
    read_validity(ssl.DER_cert_to_PEM_cert(content).encode())


@given(st.data())
def test_any_flipped_byte_is_read_or_left(pem: bytes, data: st.DataObject) -> None:
    der = bytearray(ssl.PEM_cert_to_DER_cert(pem.decode()))
    place = data.draw(st.integers(0, len(der) - 1))
    der[place] ^= data.draw(st.integers(1, 255))
    read_validity(ssl.DER_cert_to_PEM_cert(bytes(der)).encode())


def test_an_error_of_the_network_stays_what_it_is() -> None:
    assert reason(ConnectionRefusedError(111, "Connection refused"), NOW) == "[Errno 111] Connection refused"
