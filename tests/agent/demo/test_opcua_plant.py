"""The OPC UA plant: a part of the cast becomes the server that says its lines, with the security that its kind promises."""

from pathlib import Path

from agent.demo.opcua_plant import specification
from agent.demo.scene import CAST, Kind, Part
from protocols.contract import Security


def part_of(kind: Kind) -> Part:
    return next(part for part in CAST if part.kind is kind)


def test_server_without_security_tells_only_what_it_is_itself(tmp_path: Path) -> None:
    wanted = specification(part_of(Kind.OPC_UA), "127.0.0.1", tmp_path)
    assert (wanted.security, wanted.devices, wanted.pki_dir) == (Security.NONE, {}, "")
    assert (wanted.build.product_name, wanted.build.software_version) == ("Mixer Control M4", "3.4.0")


def test_secure_server_has_one_device_with_a_nameplate(tmp_path: Path) -> None:
    wanted = specification(part_of(Kind.OPC_UA_SECURE), "127.0.0.1", tmp_path)
    assert (wanted.security, wanted.pki_dir) == (Security.SIGN_AND_ENCRYPT, str(tmp_path))
    assert wanted.devices == {
        "robot-4": {
            "Manufacturer": "ACME Robotics",
            "Model": "Palletiser R4",
            "SoftwareRevision": "7.3.1",
            "SerialNumber": "R4-0815-77",
        }
    }
