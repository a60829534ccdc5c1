"""OPC UA, read-only: one visit is one connection, made in a child process that lives as long as the visit."""
