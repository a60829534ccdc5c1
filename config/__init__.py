"""What the operator wrote about one plant, read once and never changed. A leaf: knows no device, no broker and no key."""
