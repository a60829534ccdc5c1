"""Runs a command of the operator from its words, as the command line does."""

import argparse

from agent.operator import check, configure


def run(*words: str) -> int:
    """Run one command and return its exit code."""
    parser = argparse.ArgumentParser(prog="nameplated")
    commands = parser.add_subparsers(required=True)
    check.add_parser(commands)
    configure.add_parser(commands)
    options = parser.parse_args(words)
    code: int = options.command(options)
    return code
