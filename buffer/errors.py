"""Why the spool refused: who is to blame, and what happens next.

Decides nothing; it names. No exception of SQLite leaves `buffer`. A disk or a permission that fails is an `OSError`, as for
any file, and an argument that breaks a documented bound is a `ValueError`: our bug.

    SpoolError              (abstract)
    ├── SpoolFullError      the machine: our own limit, or the disk. Nothing was written; make room, and say so.
    ├── SpoolBusyError      the machine: another process writes, recovers or has not begun yet. Wait and open again.
    ├── SpoolDamagedError   the machine: not what we wrote. Set the file aside, begin anew, report it.
    └── SpoolNewerError     the operator: a later version wrote this file. Leave it untouched and stop.
"""


class SpoolError(Exception):
    """A file of the spool could not be used. Abstract: raise one that says why."""

    def __init__(self, detail: str) -> None:
        if type(self) is SpoolError:
            raise TypeError("SpoolError is abstract; raise the error that says what happens next")
        super().__init__(detail)


class SpoolFullError(SpoolError):
    """There is no room for it. The transaction left nothing behind, and deleting still works."""


class SpoolBusyError(SpoolError):
    """Another process holds the file, must recover it first, or has not made it yet."""


class SpoolDamagedError(SpoolError):
    """The file, or a part of it, is not what this program wrote."""


class SpoolNewerError(SpoolError):
    """The file was written by a later version of this program, which alone may change it."""
