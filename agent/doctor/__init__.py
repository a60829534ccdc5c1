"""Is this machine what the gateway relies on? Looks, judges, and names a remedy; never mends anything and never asks a device."""
