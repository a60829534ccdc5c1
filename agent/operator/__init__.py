"""What an operator does before the gateway runs: from a list of devices to a plant file, and what that file will cost."""
