"""Wheels made by hand: small, and like real ones where it counts."""

import zipfile
from pathlib import Path


def wheel(folder: Path, name: str, *, licence: str = "License-Expression: MIT", extra: str = "") -> Path:
    """Write a wheel with one module, and one more file if that is asked for; the same bytes at any time, as its hash is in the bill."""
    path = folder / f"{name}-1.2.3-py3-none-any.whl"
    metadata = f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.2.3\n{licence}\n\nText\n"
    files = {f"{name}/__init__.py": f"NAME = {name!r}\n", f"{name}-1.2.3.dist-info/METADATA": metadata} | (
        {extra: "x"} if extra else {}
    )
    with zipfile.ZipFile(path, "w") as archive:
        for inside, content in files.items():
            archive.writestr(zipfile.ZipInfo(inside), content)
    return path
