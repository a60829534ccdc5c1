"""The gateway's program: reads nameplates on the OT side, delivers signed reports on the IT side, never both at once."""

VERSION = "0.1.0"
"""Of the whole project. Stands here and not in the package's metadata, because reading that costs a daemon 2 MiB."""
