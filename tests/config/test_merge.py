"""A plant in several files: halls follow one another, nothing is said twice, and each problem names the file it stands in."""

from pathlib import Path

import pytest

from config.errors import ConfigError
from config.load import MAX_FILES, load

HEAD = '[plant]\nid = "werk-ulm"\n[gateway]\nid = "gw-1"\n[broker]\nurl = "mqtts://isms.example"\n'


def asset(name: str, host: str) -> str:
    return f'[[asset]]\nid = "{name}"\naddress = "modbus-tcp://{host}"\n'


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    (tmp_path / "conf.d").mkdir()
    file = tmp_path / "plant.toml"
    file.write_text(HEAD + asset("press-1", "10.0.0.1"))
    return file


def hall(plant: Path, name: str, text: str) -> None:
    (plant.parent / "conf.d" / name).write_text(text)


def refused(plant: Path) -> list[str]:
    with pytest.raises(ConfigError) as refusal:
        load(plant)
    return str(refusal.value).replace(f"{plant.parent}/", "").splitlines()


def test_halls_follow_the_plant_file_in_the_order_of_their_names(plant: Path) -> None:
    hall(plant, "20-hall-b.toml", asset("mixer-1", "10.0.2.1"))
    hall(plant, "10-hall-a.toml", asset("meter-1", "10.0.1.1"))
    assert [one.id for one in load(plant).asset] == ["press-1", "meter-1", "mixer-1"]


def test_a_section_may_have_a_file_of_its_own(plant: Path) -> None:
    hall(plant, "politeness.toml", "[collect]\ngap_ms = 500\n")
    assert load(plant).collect.gap_ms == 500


def test_a_section_in_two_files_is_refused_with_both_places(plant: Path) -> None:
    hall(plant, "a.toml", "[collect]\ngap_ms = 500\n")
    hall(plant, "b.toml", "# politeness\n[collect]\nvisit_s = 5\n")
    assert refused(plant) == [
        f"conf.d/b.toml:2:1: collect: is set here and in {plant.parent}/conf.d/a.toml:1. Keep it in one file.".replace(
            f"{plant.parent}/", ""
        )
    ]


def test_a_problem_is_found_in_the_file_and_line_where_it_stands(plant: Path) -> None:
    hall(plant, "a.toml", asset("meter-1", "10.0.1.1"))
    hall(plant, "b.toml", asset("mixer-1", "10.0.2.1") + '[[asset]]\nid = "Mixer 2"\naddress = "opc.tcp://10.0.2.2"\n')
    (line,) = refused(plant)
    assert line.startswith("conf.d/b.toml:5:6: asset[4].id: ")


def test_what_a_problem_refers_to_is_named_with_its_file_too(plant: Path) -> None:
    hall(plant, "a.toml", asset("press-1", "10.0.1.1"))
    (line,) = refused(plant)
    assert line.startswith("conf.d/a.toml:2:6: asset[2].id: 'press-1' is already the id of asset[1] (plant.toml:7)")


def test_every_file_that_is_no_toml_is_listed(plant: Path) -> None:
    hall(plant, "a.toml", "[[asset")
    hall(plant, "b.toml", "= 1")
    assert [line.partition(":")[0] for line in refused(plant)] == ["conf.d/a.toml", "conf.d/b.toml"]


def test_hidden_files_and_other_files_are_none_of_the_plant(plant: Path) -> None:
    hall(plant, ".a.toml", "[[asset")
    hall(plant, "a.toml.bak", "[[asset")
    assert len(load(plant).asset) == 1


def test_a_hall_that_cannot_be_read_is_a_problem_and_not_an_empty_hall(plant: Path) -> None:
    (plant.parent / "conf.d" / "a.toml").symlink_to("nowhere")
    (line,) = refused(plant)
    assert line.startswith("conf.d/a.toml: cannot be read: No such file")


def test_a_file_in_the_place_of_the_folder_is_a_problem(plant: Path) -> None:
    (plant.parent / "conf.d").rmdir()
    (plant.parent / "conf.d").write_text("")
    (line,) = refused(plant)
    assert line.startswith("conf.d: cannot be read: Not a directory")


def test_a_folder_with_more_files_than_halls_is_not_read(plant: Path) -> None:
    for number in range(MAX_FILES + 1):
        hall(plant, f"{number}.toml", "")
    assert "more than 256 files" in refused(plant)[0]
