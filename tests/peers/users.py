"""The user of the foreign OPC UA servers: files as an engineer would lay them beside a plant file.

Decides name and password, which `node/node_opcua.js` repeats. Writes below the folder of a run, and nowhere else.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from protocols.opcua.certificates import make_certificate, to_der

NAME, PASSWORD = "nameplate-reader", "Zwölf Boxkämpfer"  # not ASCII on purpose


@dataclass(frozen=True, slots=True)
class Users:
    """Files below the folder of a run."""

    folder: Path

    @property
    def files(self) -> dict[str, dict[str, Path]]:
        """For each kind of user the keys of a plant file, and the file that each points to."""
        certificate, key = self.folder / "user.der", self.folder / "user.key"
        return {
            "anonymous": {},
            "password": {"username_file": self.folder / "user.txt"},
            "certificate": {"user_certificate_file": certificate, "user_key_file": key},
        }

    def write(self) -> None:
        """Lay down all files, closed to everyone else."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        certificate = make_certificate(key, "urn:works.example:reader", NAME, datetime.now(UTC), timedelta(days=2))
        form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        contents = {
            "user.txt": f"{NAME}:{PASSWORD}\n".encode(),
            "user.der": to_der(certificate),
            "user.key": key.private_bytes(serialization.Encoding.PEM, *form),
        }
        for name, content in contents.items():
            file = self.folder / name
            file.touch(mode=0o600)
            file.write_bytes(content)
