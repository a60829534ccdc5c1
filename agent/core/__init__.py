"""What the gateway decides. Pure: no clock, no file, no await, no library with effects; time and chance are arguments."""
