"""The answer of a visit that failed: half a nameplate is none, and the next visit knows what to do."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua

from protocols.contract import Ask, Endpoint, Outcome, Security, Transport
from protocols.errors import MalformedError, ReadError, RefusedError, SilentError, UnreachableError, UntrustedError
from protocols.opcua.identity import PRODUCT_NAME, Device, Value
from protocols.opcua.meter import Meter
from protocols.opcua.own import own_identity
from protocols.opcua.posture import Application
from protocols.opcua.progress import Progress, Protection
from protocols.opcua.verdict import failed, succeeded

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def progress(security: Security = Security.NONE, **known: Any) -> Progress:
    endpoint = Endpoint(transport=Transport.OPC_UA, host="plc", port=4840)
    ask = Ask(endpoint=endpoint, security=security, learned=("open-session",))
    return Progress(ask, Path("/pki"), NOW, Meter(lambda: 0.0, 9), **known)


def value(text: str) -> Value:
    return Value(text=text, raw="", source="i=1")


def test_device_that_was_read_before_the_failure_is_left_out_and_the_software_is_kept() -> None:
    this = progress()
    this.discovery.build[PRODUCT_NAME] = value("uaServer")
    this.discovery.devices.append(Device(key="DeviceSet/PLC", values={"SerialNumber": value("S1")}))
    assert len(succeeded(this).facts) == 1
    answer = failed(this, SilentError("no answer"))
    assert (answer.outcome, answer.facts, answer.children) == (Outcome.SILENT, (), ())
    assert [component.name for component in answer.components] == ["uaServer"]


@pytest.mark.parametrize(
    ("error", "learned"),
    [
        (SilentError("x"), ("open-session",)),
        (UnreachableError("x"), ("open-session",)),
        (RefusedError("x"), ("look-first",)),
        (MalformedError("x"), ("look-first",)),
        (UntrustedError("x"), ("look-first",)),
    ],
)
def test_network_forgets_nothing_and_a_refusal_makes_the_next_visit_look(error: ReadError, learned: tuple[str, ...]) -> None:
    assert failed(progress(), error).learned == learned


def test_what_was_learned_before_the_failure_is_kept() -> None:
    assert failed(progress(learned=("policy=Basic256Sha256",)), RefusedError("x")).learned == ("policy=Basic256Sha256",)


def test_server_that_gave_no_session_is_called_by_its_name() -> None:
    named = progress(application=Application(name="Mixer", uri="urn:plc"))
    assert failed(named, RefusedError("no session left")).detail == "no session left; it calls itself Mixer (urn:plc)"


def test_protected_channel_that_was_refused_names_our_certificate(tmp_path: Path) -> None:
    ours = own_identity(tmp_path, NOW)
    secure = {"security": Security.SIGN, "own": ours}
    hung_up = failed(progress(**secure, protection=Protection.ASKED), RefusedError("hung up"))
    away = failed(progress(**secure, protection=Protection.ASKED), UnreachableError("no route"))
    assert str(ours.path) in hung_up.detail and away.detail == "no route"


def test_refusal_by_a_status_inside_a_standing_channel_names_our_certificate_and_our_own_refusal_does_not(tmp_path: Path) -> None:
    secure = {"security": Security.SIGN, "own": own_identity(tmp_path, NOW), "protection": Protection.STANDS}
    theirs = UntrustedError("refused")
    theirs.__cause__ = ua.UaStatusCodeError(ua.StatusCodes.BadCertificateUntrusted)
    assert "let it trust ours" in failed(progress(**secure), theirs).detail
    assert failed(progress(**secure), UntrustedError("no proof")).detail == "no proof"
