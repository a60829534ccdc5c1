"""Runs a command of the operator from its words, as the command line does."""

import argparse

from agent.operator import assets, check, configure, profiles


def run(*words: str) -> int:
    """Run one command and return its exit code."""
    parser = argparse.ArgumentParser(prog="nameplated")
    commands = parser.add_subparsers(required=True)
    for tool in (assets, check, configure, profiles):
        tool.add_parser(commands)
    options = parser.parse_args(words)
    code: int = options.command(options)
    return code
