"""Every command explains itself with an example, and loads nothing before it runs."""

import subprocess
import sys

import pytest

from tests.agent.operator.words import run


@pytest.mark.parametrize("command", ["check", "config init", "config export"])
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        run(*command.split(), "--help")
    assert end.value.code == 0
    shown = capsys.readouterr().out
    assert f"nameplated {command}" in shown.partition("example")[2]


def test_a_role_that_starts_does_not_load_what_the_operator_needs() -> None:
    code = "import sys, agent.operator.check, agent.operator.configure; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "agent.operator.configure" in loaded
    assert not {"protocols", "openpyxl", "csv", "config.table", "agent.wiring", "agent.operator.plan"} & set(loaded)
