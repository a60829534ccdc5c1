"""A real filter in a real group of processes: what systemd loads for `IPAddressDeny=any`, loaded by hand.

Decides nothing. One BPF program of two instructions that refuses every packet that leaves. Source: bpf(2), bpf.h of Linux.
"""

import ctypes
import os
import platform
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BPF = {"x86_64": 321, "aarch64": 280}
_LOAD, _ATTACH = 5, 8
_CGROUP_SKB, _EGRESS = 8, 1
_REFUSE = struct.pack("<BBhi", 0xB7, 0, 0, 0) + struct.pack("<BBhi", 0x95, 0, 0, 0)  # r0 = 0; exit


def cgroup2() -> Path | None:
    """Where a hierarchy of version 2 is mounted, if it is."""
    mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
    return next((Path(fields[1]) for fields in mounts if fields[2] == "cgroup2"), None)


@contextmanager
def refusing_group(top: Path) -> Iterator[Path]:
    """Make a group whose processes can send nothing.

    Raises:
        OSError: This kernel or this user cannot.
    """
    group = top / f"nameplated-test-{os.getpid()}"
    group.mkdir()
    try:
        program = _load()
        descriptor = os.open(group, os.O_RDONLY)
        try:
            _bpf(_ATTACH, struct.pack("<IIII", descriptor, program, _EGRESS, 0))
            yield group
        finally:
            os.close(descriptor)
            os.close(program)
    finally:
        group.rmdir()


def _load() -> int:
    code, licence = ctypes.create_string_buffer(_REFUSE, len(_REFUSE)), ctypes.create_string_buffer(b"GPL")
    head = struct.pack("<IIQQIIQII", _CGROUP_SKB, 2, ctypes.addressof(code), ctypes.addressof(licence), 0, 0, 0, 0, 0)
    return _bpf(_LOAD, head + bytes(16) + struct.pack("<II", 0, _EGRESS))


def _bpf(command: int, attributes: bytes) -> int:
    library = ctypes.CDLL(None, use_errno=True)
    size = max(len(attributes), 112)
    buffer = ctypes.create_string_buffer(attributes, size)
    result: int = library.syscall(_BPF.get(platform.machine(), 0), command, buffer, size)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
