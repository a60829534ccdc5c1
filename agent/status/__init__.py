"""How the gateway stands, for a person at the machine: read from the word that each role leaves lying. Asks no role anything."""
