"""Start of the receiving program: `nameplated-isms`, or `python -I -m isms`."""

import sys

from isms.cli import main

if __name__ == "__main__":
    sys.exit(main())
