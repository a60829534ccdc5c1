"""`python -I -m agent`: the same as the command `nameplated`."""

import sys


def main() -> int:
    """Run the command line."""
    from agent.lean import spare

    spare(sys.argv[1] if len(sys.argv) > 1 else "")
    from agent.cli import main as command_line  # after the role's libraries; and here, so that importing this has no effects

    return command_line(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
