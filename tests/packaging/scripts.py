"""The scripts of `packaging/`, loaded as they load each other: from their own folder. It is no package: that name is taken."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "packaging"
sys.path.insert(0, str(SCRIPTS))

import bundle  # noqa: E402  # only found once the folder is on the path
import deb  # noqa: E402  # the same
import sbom  # noqa: E402  # the same
import wheels  # noqa: E402  # the same

__all__ = ["ROOT", "SCRIPTS", "bundle", "deb", "sbom", "wheels"]
