"""The gateway's program: reads nameplates on the OT side, delivers signed reports on the IT side, never both at once."""
