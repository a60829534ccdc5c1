"""Certificates of OPC UA for the person who runs the gateway: ours to carry to servers, theirs to compare and trust."""
