"""Wheels made by hand: small, and like real ones where it counts."""

import zipfile
from pathlib import Path


def wheel(folder: Path, name: str, *, licence: str = "License-Expression: MIT", extra: str = "") -> Path:
    """Write a wheel with one module, and one more file if that is asked for."""
    path = folder / f"{name}-1.2.3-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}/__init__.py", f"NAME = {name!r}\n")
        archive.writestr(
            f"{name}-1.2.3.dist-info/METADATA", f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.2.3\n{licence}\n\nText\n"
        )
        if extra:
            archive.writestr(extra, "x")
    return path
