"""Whose signatures count: a small file that a person can read, compare and edit.

Decides which key may speak for which gateway. A key gets in only by an operator's hand, after comparing its thumbprint over
another channel; it speaks for exactly one issuer, and is never deleted: a revoked key still explains old evidence. A file that
cannot be believed as a whole is not believed at all. Must never trust a key that came with a message.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Self

import msgspec
from msgspec import Meta

from evidence.claims import Issuer
from evidence.errors import EvidenceError, KeyExistsError, TrustInvalidError, UnknownKeyError
from evidence.keys import PublicKey, public_from_jwk
from evidence.strict import decode_json_object

MAX_TRUST_FILE_BYTES: Final = 8_388_608


class TrustState(StrEnum):
    """Whether a key may speak today."""

    TRUSTED = "trusted"
    REVOKED = "revoked"


class TrustEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One key in the file.

    Attributes:
        jwk: The key.
        iss: The only gateway it may speak for.
        state: Whether it still may.
        revoked_at: When that ended, RFC 3339; what a receiver had before remains evidence.
    """

    jwk: Annotated[dict[str, str], Meta(max_length=4)]
    iss: Issuer
    state: TrustState
    revoked_at: Annotated[str, Meta(max_length=35)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """One key's word, inside its chain, that another signs from there on.

    Attributes:
        iss: The gateway.
        old_kid: Who handed over. It signs nothing any more.
        new: Who signs from the next record on.
    """

    iss: str
    old_kid: str
    new: PublicKey


class _TrustFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    v: int
    keys: dict[str, TrustEntry]


@dataclass(frozen=True, slots=True)
class Registry:
    """All known keys by thumbprint. Immutable: adding or revoking returns another one."""

    entries: Mapping[str, TrustEntry] = field(default_factory=dict)
    _keys: Mapping[str, PublicKey] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Mapping[str, TrustEntry]) -> Self:
        """Return the registry of these entries.

        Raises:
            EvidenceError: A key is invalid, or stands under another name than its thumbprint.
        """
        keys = {kid: public_from_jwk(entry.jwk) for kid, entry in entries.items()}
        for kid, key in keys.items():
            if key.kid != kid:
                raise TrustInvalidError(f"the key under {kid} has the thumbprint {key.kid}")
        return cls(entries, keys)

    def find(self, kid: str) -> PublicKey | None:
        """Return a key that may speak today, or None."""
        entry = self.entries.get(kid)
        return self._keys[kid] if entry is not None and entry.state is TrustState.TRUSTED else None

    def find_any(self, kid: str) -> PublicKey | None:
        """Return a key that may speak, or once might: for judging old evidence only."""
        return self._keys.get(kid)

    def issuer_of(self, kid: str) -> str:
        """Return the only gateway that a known key speaks for."""
        return self.entries[kid].iss

    def inheriting(self, handovers: Iterable[Handover]) -> Self:
        """Return a registry that also knows the keys to which known keys have handed their chains over.

        An heir is trusted as long as the key before it is. The operator's own word on a key, for or against, comes first.

        Args:
            handovers: In the order in which they happened.
        """
        entries, keys = dict(self.entries), dict(self._keys)
        for handover in handovers:
            parent = entries.get(handover.old_kid)
            if parent is not None and parent.iss == handover.iss and handover.new.kid not in entries:
                entries[handover.new.kid] = msgspec.structs.replace(parent, jwk=handover.new.jwk)
                keys[handover.new.kid] = handover.new
        return type(self)(entries, keys)

    def with_key(self, key: PublicKey, issuer: str) -> Self:
        """Return a registry that also trusts this key for this issuer.

        Raises:
            KeyExistsError: The key is known already: for another issuer, or revoked. Neither is ever undone.
        """
        known = self.entries.get(key.kid)
        if known is not None and (known.iss, known.state) != (issuer, TrustState.TRUSTED):
            raise KeyExistsError(f"{key.kid} is known already: {known.state} for {known.iss}")
        return self.of({**self.entries, key.kid: TrustEntry(jwk=key.jwk, iss=issuer, state=TrustState.TRUSTED)})

    def without_key(self, kid: str, *, at: str | None = None) -> Self:
        """Return a registry in which this key may not speak any more, nor any key that it handed its chain over to.

        Args:
            kid: Its thumbprint.
            at: From when on, RFC 3339, or None if that is not known. A key is revoked once: the first time stands.

        Raises:
            UnknownKeyError: It never might.
        """
        entry = self.entries.get(kid)
        if entry is None:
            raise UnknownKeyError(f"no key {kid} in the trust file")
        if entry.state is TrustState.REVOKED:
            return self
        revoked = msgspec.structs.replace(entry, state=TrustState.REVOKED, revoked_at=at)
        return self.of({**self.entries, kid: revoked})


def load_trust(path: Path) -> Registry:
    """Read a trust file; a missing one trusts nobody.

    Raises:
        TrustInvalidError: It cannot be read, or anything in it is not as it should be.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_TRUST_FILE_BYTES + 1)
    except FileNotFoundError:
        return Registry()
    except OSError as problem:
        raise TrustInvalidError(f"{path} cannot be read: {problem.strerror}") from None
    try:
        return _parse(data)
    except (EvidenceError, msgspec.MsgspecError) as problem:
        raise TrustInvalidError(f"{path} is no trust file: {problem}") from None


def save_trust(path: Path, registry: Registry) -> None:
    """Write a trust file so that a reader sees the old one or the new one, never a part, even after a power cut.

    Raises:
        OSError: It cannot be written; the old one is untouched.
    """
    data = msgspec.json.format(msgspec.json.encode(_TrustFile(1, dict(registry.entries))), indent=2) + b"\n"
    draft = path.with_name(f"{path.name}.new")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _parse(data: bytes) -> Registry:
    if len(data) > MAX_TRUST_FILE_BYTES:
        raise TrustInvalidError("it is larger than any trust file")
    decode_json_object(data)
    file = msgspec.json.decode(data, type=_TrustFile)
    if file.v != 1:
        raise TrustInvalidError(f"version {file.v} is not known here")
    return Registry.of(file.keys)
