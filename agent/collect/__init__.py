"""Role 1: asks devices who they are and writes down what it saw. Has no key, no broker and no network but the OT side."""
