"""The trust file as it is now: read again whenever an operator changed it.

Decides when to read. Must never keep trusting on the strength of a file that has become unreadable: then nobody is trusted, and
gateways keep what they send until the file is mended.
"""

import logging
from pathlib import Path

from evidence.errors import TrustInvalidError
from evidence.trust import Registry, load_trust

_log = logging.getLogger("nameplated.isms")


class TrustFile:
    """A trust file that follows its operator."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._version: tuple[int, int, int] | None = None
        self._registry = Registry()

    def current(self) -> Registry:
        """Return whom to trust now."""
        version = self._stat()
        if version != self._version:
            self._version = version
            self._registry = self._load()
        return self._registry

    def _stat(self) -> tuple[int, int, int]:
        try:
            facts = self._path.stat()
        except OSError:
            return (0, 0, 0)
        return (facts.st_mtime_ns, facts.st_size, facts.st_ino)

    def _load(self) -> Registry:
        try:
            registry = load_trust(self._path)
        except TrustInvalidError as problem:
            _log.error("trust.invalid why=%r", str(problem))
            return Registry()
        _log.info("trust.read keys=%d", len(registry.entries))
        return registry
