"""The posture of a server: each finding has a case that shows it and a neighbour that does not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from protocols.contract import Certificate
from protocols.opcua.posture import Application, Offer, Token, posture

NOW = datetime(2026, 11, 22, tzinfo=UTC)
URI = "urn:example:plc"
ANONYMOUS = Token(kind="anonymous", policy="None", policy_id="a")
CERTIFIED = Token(kind="certificate", policy="Basic256Sha256", policy_id="c")
SOUND = Certificate(
    thumbprint_sha256="00" * 32,
    subject="CN=plc",
    application_uri=URI,
    not_before="2026-01-01T00:00:00+00:00",
    not_after="2030-01-01T00:00:00+00:00",
    key_bits=2048,
    signature_hash="sha256",
    self_signed=True,
)


def offer(policy: str = "Basic256Sha256", mode: str = "sign-and-encrypt", *tokens: Token) -> Offer:
    return Offer(url="opc.tcp://plc:4840", policy=policy, mode=mode, tokens=tokens or (CERTIFIED,), certificate=b"")


def findings(*offers: Offer, certificate: Certificate | None = SOUND, uri: str = URI) -> tuple[str, ...]:
    return posture(Application(uri=uri), offers or (offer(),), certificate, NOW).findings


def password(policy: str) -> Token:
    return Token(kind="username", policy=policy, policy_id="u")


def until(moment: datetime) -> Certificate:
    return replace(SOUND, not_after=moment.isoformat())


def test_encrypted_endpoint_for_certified_users_has_no_findings() -> None:
    assert findings() == ()


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        (offer("None", "none"), ("no-security", "no-security-only")),
        (
            offer("None", "none", ANONYMOUS),
            ("anonymous-access", "anonymous-without-security", "no-security", "no-security-only"),
        ),
        (offer("Basic256Sha256", "sign-and-encrypt", ANONYMOUS), ("anonymous-access",)),
        (offer("None", "none", password("None")), ("cleartext-password", "no-security", "no-security-only")),
        (offer("None", "none", password("Basic256Sha256")), ("no-security", "no-security-only")),
        (offer("Basic256Sha256", "sign", password("None")), ("cleartext-password",)),
        (offer("Basic256Sha256", "sign-and-encrypt", password("None")), ()),
        (offer("Basic256", "sign-and-encrypt"), ("deprecated-policy",)),
        (offer("Basic128Rsa15", "sign"), ("deprecated-policy",)),
        (offer("ECC_nistP256", "sign"), ()),
    ],
)
def test_endpoint_findings(way: Offer, expected: tuple[str, ...]) -> None:
    assert findings(way) == expected


@pytest.mark.parametrize(
    ("certificate", "expected"),
    [
        (until(NOW - timedelta(seconds=1)), ("certificate-expired",)),
        (until(NOW + timedelta(days=89)), ("certificate-expires-soon",)),
        (until(NOW + timedelta(days=91)), ()),
        (replace(SOUND, key_bits=1024), ("short-key",)),
        (replace(SOUND, key_bits=256), ()),
        (replace(SOUND, signature_hash="sha1"), ("sha1-signature",)),
        (replace(SOUND, application_uri="urn:other"), ("uri-mismatch",)),
        (None, ()),
    ],
)
def test_certificate_findings(certificate: Certificate | None, expected: tuple[str, ...]) -> None:
    assert findings(certificate=certificate) == expected


def test_server_that_offers_security_beside_none_is_not_called_bare() -> None:
    both = posture(Application(uri="urn:plc"), [offer("None", "none"), offer("Basic256Sha256", "sign")], None, NOW)
    assert both.findings == ("no-security",)


@pytest.mark.parametrize(
    ("application", "knows_others"),
    [
        (Application(uri="urn:plc"), False),
        (Application(), True),
        (Application(uri="urn:plc", gateway_uri="urn:gw"), True),
        (Application(uri="urn:lds", discovers=True), True),
    ],
)
def test_server_is_asked_for_others_only_where_it_may_know_some(application: Application, knows_others: bool) -> None:
    assert application.knows_others is knows_others


def test_others_are_named_once_and_without_the_server_itself() -> None:
    others = [Application(uri=uri) for uri in ("urn:b", "urn:a", "urn:b", "urn:lds", "")]
    assert posture(Application(uri="urn:lds"), [], None, NOW, others=others).others == ("urn:a", "urn:b")


def test_token_names_its_policy_only_where_it_differs_from_the_endpoint() -> None:
    way = offer("Basic256Sha256", "sign", password("None"), CERTIFIED)
    assert posture(Application(), [way], None, NOW).offered[0].user_tokens == ("username/None", "certificate")
