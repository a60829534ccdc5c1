"""A gateway's key and name for the tests of the publishing role, and a way to read what it signed."""

from pathlib import Path

from agent.publish.fold import Author
from buffer.outbox import Parcel, Stored
from evidence import kinds
from evidence.envelope import Claims, Opened, unseal
from evidence.keys import FileSigner, create_key, public_from_jwk

ISSUER = "urn:nameplated:werk-ulm:gw-halle3"
AUDIENCE = "urn:isms:central"
EPOCH = "01934a00-0000-7000-8000-000000000001"


def author(tmp_path: Path) -> Author:
    """An author with a new key."""
    return Author(issuer=ISSUER, audience=AUDIENCE, signer=create_key(tmp_path / "report.key"))


def opened(parcel: Parcel | Stored, signer: FileSigner) -> Opened[Claims]:
    """Open what was signed, as a receiver would."""
    key = public_from_jwk(signer.public_jwk)
    return unseal(parcel.token, lambda kid: key if kid == key.kid else None)


def body(parcel: Parcel | Stored, signer: FileSigner) -> kinds.Body:
    """The report inside."""
    return kinds.decode_body(opened(parcel, signer).claims)
