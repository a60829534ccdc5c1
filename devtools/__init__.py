"""Scripts for those who work on the project. Not part of any wheel: they write pages from what the program itself says."""
