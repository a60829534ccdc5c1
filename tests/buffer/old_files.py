"""Files that earlier versions wrote, see old/README.md, as a gateway that goes on with them."""

import base64
import shutil
from pathlib import Path

from tests.faults.gateway import Place

OLD = Path(__file__).parent / "old"
VERSIONS = sorted(folder.name for folder in OLD.iterdir() if folder.is_dir())
RECORDS = 24


def copied(version: str, directory: Path) -> Place:
    shutil.copytree(OLD / version, directory)
    der = bytes.fromhex("302e020100300506032b657004220420") + bytes(range(32))
    key = directory / "report.key"
    key.write_bytes(b"-----BEGIN PRIVATE KEY-----\n" + base64.b64encode(der) + b"\n-----END PRIVATE KEY-----\n")
    key.chmod(0o600)
    return Place(directory)
