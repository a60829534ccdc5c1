"""Each end of a role has one exit code, and a sentence for each thing to mend."""

from pathlib import Path

import pytest

from agent.ending import FINAL, MOST_TOLD, EndedError, Exit, ending, ends, worst
from buffer.errors import SpoolDamagedError, SpoolNewerError
from config.errors import ConfigError, Problem


def plant_file(problems: int) -> ConfigError:
    return ConfigError([Problem(place=f"asset[{number}]", what="wrong") for number in range(1, problems + 1)], Path("plant.toml"))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (plant_file(1), Exit.CONFIG),
        (SpoolNewerError("a later version"), Exit.CONFIG),
        (PermissionError(13, "Permission denied", "/var"), Exit.PERMISSION),
        (SpoolDamagedError("rot"), Exit.IO),
        (OSError(28, "No space left"), Exit.IO),
        (EndedError("the guard", Exit.PROTOCOL), Exit.PROTOCOL),
        (KeyError("x"), Exit.SOFTWARE),
        (ExceptionGroup("a", [ExceptionGroup("b", [OSError("deep")])]), Exit.IO),
    ],
)
def test_each_error_has_its_exit_code(error: Exception, code: Exit) -> None:
    assert ending(error).code is code
    assert ending(error).is_final == (code in FINAL)


def test_each_problem_of_a_plant_file_is_a_line_within_bounds() -> None:
    assert ending(plant_file(2)).why == ("plant.toml: asset[1]: wrong.", "plant.toml: asset[2]: wrong.")
    assert ending(plant_file(2)).sentence == "plant.toml: asset[1]: wrong. (and 1 more)"
    many = ending(plant_file(500)).why
    assert (len(many), many[-1]) == (MOST_TOLD + 1, "and 480 more")


def test_a_bug_names_its_kind_and_where_it_is_and_nothing_else_does() -> None:
    def fails() -> None:
        raise ValueError("two\nlines")

    with pytest.raises(ValueError, match="two") as caught:
        fails()
    found = ending(caught.value)
    assert found.why == ("ValueError: two lines",)
    assert found.where.rpartition(" > ")[2].startswith("agent/test_ending.py:")
    assert found.sentence.startswith("ValueError: two lines, at agent/test_ending.py:")
    assert ending(OSError("disk")).where == ""


def test_a_role_gives_its_own_errors_a_code_wherever_they_lie() -> None:
    group = ExceptionGroup("tasks", [KeyError("other"), ExceptionGroup("visits", [LookupError("wrote")])])
    with (
        pytest.raises(EndedError, match=r"^'other'\.$") as caught,
        ends({KeyError: Exit.PROTOCOL, LookupError: Exit.IO}, more="."),
    ):
        raise group
    assert caught.value.code is Exit.PROTOCOL
    with pytest.raises(OSError, match="disk"), ends({KeyError: Exit.PROTOCOL}):
        raise OSError("disk")


def test_what_forbids_another_attempt_decides_how_the_process_ends() -> None:
    guard, key, disk = EndedError("guard", Exit.PROTOCOL), EndedError("key", Exit.CONFIG), OSError("disk")
    assert worst([disk, key, guard]) is guard
    assert worst([disk, key]) is key
    assert worst([disk]) is disk
