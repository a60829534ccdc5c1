"""How a problem reads."""

from pathlib import Path

from config.errors import ConfigError, Problem


def test_a_config_error_lists_file_line_column_place_problem_and_advice() -> None:
    problems = [
        Problem(place="asset[3].address", what="is missing", suggestion="Add it.", line=14, column=3),
        Problem(place="", what="is empty"),
    ]
    assert (
        str(ConfigError(problems, Path("plant.toml")))
        == "plant.toml:14:3: asset[3].address: is missing. Add it.\nplant.toml: is empty."
    )
