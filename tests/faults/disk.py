"""What a disk may hold after a power cut, given every write and every sync that a program did.

The record is strace's: the program, its SQLite and its system calls are the real ones. The disk is as nasty as POSIX lets it be:

- what was written to a file and not synced since may be there, not be there, or be torn at a sector, each write by itself;
- a truncation is such a write;
- a new name, a rename and a deletion come about in order, but only a sync of their directory makes sure that they did.
"""

import random
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

SECTOR = 512
TRACED = "openat,pwrite64,write,ftruncate,fsync,fdatasync,rename,unlink,mkdir"

_CALL = re.compile(r"^\d+\s+(\w+)\((.*)\)\s+= (\d+)")
_RESUMED = re.compile(r"^\d+\s+<\.\.\. \w+ resumed>(.*)", re.DOTALL)
_FILE = re.compile(r"^(\d+)<([^>]*)>")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes at a place; `data` None: the file ends there."""

    path: str
    offset: int
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Sync:
    """Everything of a file, or of a directory, is on disk."""

    path: str


@dataclass(frozen=True, slots=True)
class Name:
    """A name appears (`source` None), is moved, or goes (`target` None)."""

    source: str | None
    target: str | None


@dataclass(frozen=True, slots=True)
class Said:
    """What the program promised."""

    words: str


Op = Write | Sync | Name | Said


def record(directory: Path, seed: int, steps: int, *, first: int = 0) -> list[Op]:
    """Run the workload in a directory, from record `first`, and return what it did to the disk, and what it said in between."""
    known = {str(path) for path in directory.rglob("*")}
    trace = directory.with_name(directory.name + ".trace")
    strace = ["strace", "-f", "-y", "-xx", "-s", "1048576", "-e", f"trace={TRACED}", "-o", str(trace)]
    work = [sys.executable, "-m", "tests.faults.workload", str(directory), str(seed), str(steps), str(first)]
    subprocess.run([*strace, *work], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ops = list(_ops(trace, f"{directory}/", known))
    trace.unlink()
    return ops


def _ops(trace: Path, root: str, known: set[str]) -> Iterator[Op]:
    ends: dict[str, int] = {}
    with trace.open() as lines:
        for line in _whole(lines):
            call = _CALL.match(line)
            if call is None:
                continue
            yield from _op(call[1], call[2], int(call[3]), root, known, ends)


def _whole(lines: Iterable[str]) -> Iterator[str]:
    """Put calls together that strace had to split because another thread was traced in between."""
    begun: dict[str, str] = {}
    for line in lines:
        thread = line.split(maxsplit=1)[0]
        if line.endswith("<unfinished ...>\n"):
            begun[thread] = line.removesuffix("<unfinished ...>\n")
        elif (rest := _RESUMED.match(line)) and thread in begun:
            yield begun.pop(thread) + rest[1]
        else:
            yield line


def _op(name: str, arguments: str, result: int, root: str, known: set[str], ends: dict[str, int]) -> Iterator[Op]:
    file = _FILE.match(arguments)
    path = _plain(file[2]) if file else ""
    texts = [bytes.fromhex(text.replace("\\x", "")) for text in _TEXT.findall(arguments)]
    match name:
        case "write" if file and file[1] == "1":
            yield Said(texts[0].decode().strip())
        case "openat" if "O_CREAT" in arguments and (target := texts[0].decode()).startswith(root) and target not in known:
            known.add(target)
            ends[target] = 0
            yield Name(None, target)
        case "pwrite64" if path.startswith(root):
            yield Write(path, int(arguments.rsplit(", ", 1)[1]), texts[0][:result])
        case "write" if path.startswith(root):
            yield Write(path, ends.get(path, 0), texts[0][:result])
            ends[path] = ends.get(path, 0) + result
        case "ftruncate" if path.startswith(root):
            yield Write(path, int(arguments.rsplit(", ", 1)[1]), None)
        case "fsync" | "fdatasync" if f"{path}/".startswith(root):
            yield Sync(path)
        case "rename" | "unlink" if texts[0].decode().startswith(root):
            names = [text.decode() for text in texts]
            known.discard(names[0])
            known.update(names[1:])
            yield Name(names[0], names[1] if names[1:] else None)


def _plain(path: str) -> str:
    return bytes.fromhex(path.replace("\\x", "")).decode() if path.startswith("\\x") else path


@dataclass
class _File:
    """One file, whatever its name: what is surely on disk, and what was done to it since."""

    disk: bytearray = field(default_factory=bytearray)
    pending: list[Write] = field(default_factory=list)


class Disk:
    """A disk on which operations are replayed, with what was there before."""

    def __init__(self, before: Mapping[str, bytes]) -> None:
        self._names = {path: _File(bytearray(content)) for path, content in before.items()}  # as the program sees them
        self._disk_names = dict(self._names)  # as they surely are on disk
        self._pending_names: list[tuple[Name, _File | None]] = []

    def do(self, op: Write | Sync | Name) -> None:
        match op:
            case Write(path):
                self._names.setdefault(path, _File()).pending.append(op)
            case Sync(path) if path in self._names:
                file = self._names[path]
                for write in file.pending:
                    _apply(file.disk, write)
                file.pending.clear()
            case Sync(path):
                self._sync_directory(path)
            case Name(source, target):
                moved = self._names.pop(source, None) if source else _File()
                if target and moved:
                    self._names[target] = moved
                self._pending_names.append((op, moved))

    def _sync_directory(self, path: str) -> None:
        left = []
        for name, file in self._pending_names:
            if str(Path(name.target or name.source or "").parent) == path:
                _rename(self._disk_names, name, file)
            else:
                left.append((name, file))
        self._pending_names = left

    @property
    def unsynced(self) -> int:
        """How many writes and names a power cut could lose now."""
        return len(self._pending_names) + sum(len(file.pending) for file in self._names.values())

    def image(self, how: str, chance: random.Random) -> dict[str, bytes]:
        """Return what is on disk after a power cut now: `none`, `all`, `some` or `torn` of what was not synced."""
        names = dict(self._disk_names)
        count = {"none": 0, "all": len(self._pending_names)}.get(how, chance.randint(0, len(self._pending_names)))
        for name, file in self._pending_names[:count]:
            _rename(names, name, file)
        return {path: _after_cut(file, how, chance) for path, file in names.items()}


def _rename(names: dict[str, _File], name: Name, file: _File | None) -> None:
    if name.source:
        file = names.pop(name.source, file)
    if name.target and file is not None:
        names[name.target] = file


def _after_cut(file: _File, how: str, chance: random.Random) -> bytes:
    if how == "none" or not file.pending:
        return bytes(file.disk)
    content = bytearray(file.disk)
    for write in file.pending:
        if how == "all" or chance.random() < 0.5:
            _apply(content, write)
        elif how == "torn" and write.data is not None:
            for start in range(0, len(write.data), SECTOR):
                if chance.random() < 0.5:
                    _apply(content, Write(write.path, write.offset + start, write.data[start : start + SECTOR]))
    return bytes(content)


def _apply(content: bytearray, write: Write) -> None:
    if write.data is None:
        del content[write.offset :]
        content.extend(bytes(max(0, write.offset - len(content))))
        return
    if write.offset > len(content):
        content.extend(bytes(write.offset - len(content)))
    content[write.offset : write.offset + len(write.data)] = write.data
