"""A real mosquitto that runs our own templates: one certificate per client, an access list, a list of revoked certificates.

with secured(tmp_path / "broker", gateways=["werk-ulm:gw-1"], receivers=["isms-receiver"]) as broker:
    ... broker.port, broker.ca, broker.certificate("werk-ulm:gw-1")
"""

import getpass
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from agent.publish.mqtt import Broker
from tests.brokers import Mosquitto, free_port

TEMPLATES = Path(__file__).parents[1] / "config" / "broker"


@dataclass
class Secured:
    """The broker and its authority."""

    mosquitto: Mosquitto
    directory: Path

    @property
    def port(self) -> int:
        return self.mosquitto.port

    @property
    def url(self) -> str:
        return f"mqtts://127.0.0.1:{self.port}"

    @property
    def ca(self) -> Path:
        return self.directory / "ca.crt"

    def certificate(self, name: str) -> tuple[Path, Path]:
        return self.directory / f"{name}.crt", self.directory / f"{name}.key"

    def issue(self, name: str, **validity: str) -> tuple[Path, Path]:
        """Issue a certificate, for example `FROM="20200101000000Z", UNTIL="20210101000000Z"`."""
        authority(self.directory, name, **validity)
        return self.certificate(name)

    def revoke(self, name: str) -> None:
        authority(self.directory, "--revoke", name)
        self.mosquitto.stop()
        self.mosquitto.start()

    def as_seen_by(self, name: str, *, client_id: str | None = None) -> Broker:
        """The broker, for a gateway with that certificate."""
        certificate, key = self.certificate(name)
        return Broker(
            host="127.0.0.1",
            port=self.port,
            tls=True,
            client_id=client_id or name,
            ca_file=self.ca,
            certificate_file=certificate,
            key_file=key,
        )

    def without_certificate(self, name: str) -> Broker:
        return replace(self.as_seen_by(name), certificate_file=None, key_file=None)


def authority(directory: Path, *arguments: str, **validity: str) -> None:
    command = [str(TEMPLATES / "make-test-ca"), str(directory), *arguments]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | validity)


@contextmanager
def secured(directory: Path, gateways: Sequence[str], receivers: Sequence[str], **broker_validity: str) -> Iterator[Secured]:
    """Run the templates for as long as the block lasts; skip where a program is missing."""
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if program is None or shutil.which("openssl") is None:
        pytest.skip("the Debian packages mosquitto and openssl are not installed")
    authority(directory, "broker", **broker_validity)
    authority(directory, *gateways, *receivers)
    acl = subprocess.run([str(TEMPLATES / "make-acl"), *gateways, "--", *receivers], check=True, capture_output=True).stdout
    (directory / "acl").write_bytes(acl)
    port = free_port()
    text = (TEMPLATES / "mosquitto.conf").read_text()
    text = text.replace("/etc/mosquitto/nameplated", str(directory)).replace("/var/lib/mosquitto/", f"{directory}/")
    text = text.replace("listener 8883", f"listener {port} 127.0.0.1") + f"user {getpass.getuser()}\n"
    (directory / "mosquitto.conf").write_text(text)
    broker = Mosquitto(directory, program, port)
    broker.start()
    try:
        yield Secured(broker, directory)
    finally:
        broker.stop()
