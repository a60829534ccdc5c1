"""`python -I -m agent`: the same as the command `nameplated`."""

import sys


def main() -> int:
    """Run the command line."""
    from agent.cli import main as command_line  # here, so that `import agent.__main__` has no effects

    return command_line(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
