"""What was seen is written down here before anything is sent. A leaf: stores opaque bytes, knows no asset, report or broker."""
