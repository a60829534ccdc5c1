"""The wheel: exactly our packages and their data, names that collide with nobody's, and two commands.

Source: docs/decisions/0002-private-top-level-packages.md
"""

import importlib.metadata
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email import message_from_string
from pathlib import Path

import pytest

from tests.architecture.sources import PACKAGES, ROOT, project_files


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """The wheel, built without a network from what stands here."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    result = subprocess.run(build, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    (file,) = folder.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        yield archive


def metadata(wheel: zipfile.ZipFile, name: str) -> str:
    (path,) = [entry for entry in wheel.namelist() if entry.endswith(f".dist-info/{name}")]
    return wheel.read(path).decode()


def test_the_wheel_holds_exactly_our_packages_and_their_data(wheel: zipfile.ZipFile) -> None:
    inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert inside == {name for name in project_files() if name.partition("/")[0] in PACKAGES}


@pytest.mark.parametrize(
    "data", ["config/plants/small-modbus.toml", "config/plants/mixed.toml", "protocols/profiles/wago-750.toml"]
)
def test_data_that_is_read_at_run_time_travels_along(wheel: zipfile.ZipFile, data: str) -> None:
    assert wheel.getinfo(data).file_size > 0


def test_no_package_has_a_name_of_the_standard_library() -> None:
    assert not set(PACKAGES) & set(sys.stdlib_module_names)


def test_no_package_has_a_name_of_another_distribution() -> None:
    installed = importlib.metadata.packages_distributions()
    assert {name: owners for name in PACKAGES if (owners := set(installed.get(name, ())) - {"nameplated"})} == {}


def test_no_index_would_take_it(wheel: zipfile.ZipFile) -> None:
    assert "Private :: Do Not Upload" in (message_from_string(metadata(wheel, "METADATA")).get_all("Classifier") or [])


def test_there_are_two_commands(wheel: zipfile.ZipFile) -> None:
    commands = [line.partition(" = ")[0] for line in metadata(wheel, "entry_points.txt").splitlines() if " = " in line]
    assert sorted(commands) == ["nameplated", "nameplated-isms"]


def test_every_package_is_a_folder_of_the_repository() -> None:
    assert all((Path(ROOT) / name / "__init__.py").is_file() for name in PACKAGES)
