"""Which of the gateway's key files signs now, and which takes over.

Decides it from what the outbox remembers, which is from its first record on. There are at most two files: the key, and beside it `<key>.next`, which `key rotate` makes
and which takes over when publish starts. The handover itself is a record of the chain; only when that is durable are the files
renamed, and a crash between the two is recognised and finished here. Must never sign with a key that the chain does not expect, and
never delete a private key: the old one becomes `<key>.old-<thumbprint>`, so that nothing is lost by a mistake.

    outbox remembers    the key    <key>.next    signs          hands over to
    nothing             K          -             K              -
    nothing             K          N             K              N
    K                   K          -             K              -
    K                   K          N             K              N
    N                   K          N             N (finished)   -
    neither             ...        ...           KeyInvalidError: somebody replaced the file by hand

Where the keys are credentials of systemd the directory cannot be written: then the names stay as they are, both files go on being
read, and the operator exchanges the credentials at leisure.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config.model import Plant
from evidence.errors import KeyInvalidError, KeyMissingError
from evidence.keys import FileSigner, create_key, load_signer

CREDENTIAL = "report.key"
OLD_LETTERS = 8


@dataclass(frozen=True, slots=True)
class Ring:
    """The keys of a gateway.

    Attributes:
        signer: Signs now.
        heir: Takes over now, or None.
    """

    signer: FileSigner
    heir: FileSigner | None


def key_file(plant: Plant, environment: Mapping[str, str]) -> Path:
    """Return where the key lies: as configured; else a credential of systemd; else where `key init` puts it.

    Args:
        plant: The plant file.
        environment: Of this process; `CREDENTIALS_DIRECTORY` is systemd's word on where it put what `LoadCredentialEncrypted=` names.
    """
    credential = Path(environment.get("CREDENTIALS_DIRECTORY", "")) / CREDENTIAL
    given = plant.signing.key_file is None and credential.is_absolute() and credential.exists()
    return credential if given else plant.report_key_file


def next_file(key: Path) -> Path:
    """Return where the key lies that takes over."""
    return key.with_name(f"{key.name}.next")


def open_ring(key: Path, expected: str | None) -> Ring:
    """Read the keys, and finish a handover whose record is durable.

    Args:
        key: The key file.
        expected: Thumbprint of the key that the chain goes on with, or None if the outbox does not know.

    Raises:
        KeyInvalidError: The chain expects another key than any that is here.
        EvidenceError: There is no key, or it must not be used.
    """
    current = load_signer(key)
    heir = load_signer(next_file(key)) if next_file(key).exists() else None
    if expected in (None, current.kid):
        return Ring(current, heir)
    if heir is not None and expected == heir.kid:
        take_over(key, current.kid)
        return Ring(heir, None)
    raise KeyInvalidError(
        f"{key} holds the key {current.kid}, and this gateway's chain goes on with {expected}: somebody exchanged the file. Put that one"
        " back (`key rotate` is how a key is replaced); if it is lost, move the outbox away: a new chain begins, and the receiver must"
        " be told to trust the new key."
    )


def prepare(key: Path) -> FileSigner:
    """Make the key that takes over when publish starts next.

    Raises:
        KeyMissingError: There is no key yet that could hand over.
        KeyExistsError: One is prepared already.
        EvidenceError: The present key must not be used.
    """
    if not key.exists():
        raise KeyMissingError(f"{key} is not there: there is nothing to hand over; `key init` makes the first key")
    load_signer(key)
    return create_key(next_file(key))


def take_over(key: Path, old_kid: str) -> None:
    """Give the files their new names, if the directory may be written. The record of the handover must be durable."""
    with contextlib.suppress(OSError):
        key.rename(key.with_name(f"{key.name}.old-{old_kid[:OLD_LETTERS]}"))
        next_file(key).rename(key)
