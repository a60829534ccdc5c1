"""How a device is asked who it is. A leaf: knows the wire, never the plant, the journal or a key."""
