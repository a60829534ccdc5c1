"""What a visit knows so far: told twice, once in full and once in part, it is still one server with one posture."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from asyncua import ua
from cryptography.hazmat.primitives.asymmetric import rsa

from protocols.contract import Ask, Endpoint, Security, Transport
from protocols.opcua.certificates import make_certificate, to_der
from protocols.opcua.meter import Meter
from protocols.opcua.plan import remembered
from protocols.opcua.progress import Progress

NOW = datetime(2026, 11, 22, tzinfo=UTC)
CERTIFICATE = to_der(
    make_certificate(rsa.generate_private_key(public_exponent=65537, key_size=2048), "urn:plc", "plc", NOW, timedelta(days=400))
)
WAY = {
    "EndpointUrl": "opc.tcp://plc:4840",
    "SecurityMode": ua.MessageSecurityMode.Sign,
    "SecurityPolicyUri": "http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256",
}
TOLD = ua.ApplicationDescription(ApplicationUri="urn:plc", ApplicationName=ua.LocalizedText("Mixer"), ProductUri="urn:product")
FULL = ua.EndpointDescription(Server=TOLD, ServerCertificate=CERTIFICATE, **WAY)
IN_PART = ua.EndpointDescription(**WAY)  # OPC 10000-4, CreateSession: everything that need not be compared may be left out


def progress(*learned: str) -> Progress:
    endpoint = Endpoint(transport=Transport.OPC_UA, host="plc", port=4840)
    ask = Ask(endpoint=endpoint, security=Security.SIGN, learned=learned)
    return Progress(ask, Path("/pki"), NOW, Meter(lambda: 0.0, 9), application=remembered(learned))


def test_list_of_a_session_in_part_does_not_change_the_posture_of_a_look() -> None:
    this = progress()
    this.saw([FULL])
    looked = this.posture
    this.shown = CERTIFICATE
    this.saw([IN_PART])
    assert this.posture == looked and looked is not None and looked.application_name == "Mixer"


def test_next_visit_without_a_look_has_the_same_posture() -> None:
    first, second = progress(), progress()
    first.saw([FULL])
    second = progress(*first.learned_now)
    second.shown = CERTIFICATE
    second.saw([IN_PART])
    assert second.posture == first.posture and second.learned_now == first.learned_now


def test_unknown_mode_is_remarked() -> None:
    this = progress()
    this.saw([ua.EndpointDescription(EndpointUrl="opc.tcp://plc:4840", SecurityMode=ua.MessageSecurityMode(77))])
    assert this.discovery.remarks == {"endpoint-of-unknown-mode"}
