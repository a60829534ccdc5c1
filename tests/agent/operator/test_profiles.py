"""A name that is nearly right gets the right ones."""

import pytest

from agent.service import Exit
from tests.agent.operator.words import run


def test_an_unknown_name_gets_near_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("profiles", "show", "WAGO-75") == Exit.USAGE
    assert "Did you mean 'wago-750'" in capsys.readouterr().err


def test_a_name_like_no_other_is_shown_where_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("profiles", "show", "zzzzz") == Exit.USAGE
    assert "profiles list" in capsys.readouterr().err
