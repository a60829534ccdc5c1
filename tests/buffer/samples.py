"""Small records and parcels, and a way to run something as another process that may die."""

import os
import sqlite3
import traceback
from collections.abc import Callable
from pathlib import Path

from buffer.outbox import Parcel
from buffer.record import Draft, State

AT = "2026-11-03T08:00:00Z"
ROOT = Path(__file__).parents[2]
MAX_BYTES = 4 * 1024 * 1024


def draft(body: bytes = b"{}", *, kind: str = "observation/1", subject: str = "press-07", at: str = AT) -> Draft:
    return Draft(kind=kind, subject=subject, at=at, body=body)


def state(body: bytes = b"{}", *, kind: str = "endpoint/1", subject: str = "10.0.0.7") -> State:
    return State(kind=kind, subject=subject, at=AT, body=body)


def parcel(seq: int, *, epoch: str = "e1", token: bytes = b"signed") -> Parcel:
    return Parcel(epoch=epoch, seq=seq, kind="asset/1", subject="press-07", at=AT, token=token, digest=b"\x01" * 32)


def in_child(work: Callable[[], object], *, uid: int | None = None, gid: int | None = None) -> int:
    """Run `work` in a forked process; return its exit code: 0, 1 if it raised, or what it exited with."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if uid is not None and gid is not None:
                os.setgroups([])
                os.setgid(gid)
                os.setuid(uid)
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def foreign(path: Path, *statements: str) -> None:
    """What somebody else, who knows SQLite and not us, does to a file."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA writable_schema = ON")
    for statement in statements:
        connection.execute(statement)
    connection.close()


def holder(path: Path, lock: str) -> sqlite3.Connection:
    """A connection that holds a lock: `SHARED` as a reader does, `EXCLUSIVE` as a writer does."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE" if lock == "EXCLUSIVE" else "BEGIN")
    connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    return connection


def die_at_statement(number: int) -> None:
    """Let this process die just before its `number`th SQL statement, whoever runs it."""
    connect = sqlite3.connect
    left = iter(range(number - 1))

    def count(_statement: str) -> None:
        if next(left, None) is None:
            os._exit(9)

    def traced(*args, **kwargs) -> sqlite3.Connection:
        connection = connect(*args, **kwargs)
        connection.set_trace_callback(count)
        return connection

    sqlite3.connect = traced  # in a forked child, which ends with this test
