"""From a plant file to what the operating system enforces: the drop-ins of the units. Runs by hand, never in a role."""
