"""A plant file that changes: a bad one changes nothing, a good one is followed, and what is fixed waits for a restart."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from agent.reload import COLLECT_FIXED, PUBLISH_FIXED, Follower, following
from config.errors import ConfigError, Problem
from config.load import load
from config.model import Plant
from tests.plants import PLANT

replace = msgspec.structs.replace


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    file = tmp_path / "plant.toml"
    file.write_text(PLANT)
    return load(file)


def reading(*answers: Plant | ConfigError) -> Callable[[], Plant]:
    left = list(answers)

    def read() -> Plant:
        answer = left.pop(0)
        if isinstance(answer, ConfigError):
            raise answer
        return answer

    return read


def refusal(*what: str) -> ConfigError:
    return ConfigError([Problem(place="plant.id", what=one) for one in what], Path("plant.toml"))


def test_what_changed_is_followed(plant: Plant) -> None:
    new = replace(plant, asset=())
    follower = Follower(reading(plant, new), COLLECT_FIXED)
    assert follower.again()
    assert (follower.plant, follower.trouble) == (new, "")


def test_a_bad_file_changes_nothing_and_says_where_it_is_bad(plant: Plant) -> None:
    follower = Follower(reading(plant, refusal("is missing", "is wrong", "is odd")), COLLECT_FIXED)
    assert not follower.again()
    assert follower.plant == plant
    assert follower.trouble == "plant file refused, the old one holds: plant.toml: plant.id: is missing. (and 2 more)"


def test_a_file_that_is_mended_takes_the_trouble_away(plant: Plant) -> None:
    follower = Follower(reading(plant, refusal("is missing"), plant), COLLECT_FIXED)
    follower.again()
    assert follower.again()
    assert follower.trouble == ""


def test_a_bad_file_at_the_start_is_the_callers_affair() -> None:
    with pytest.raises(ConfigError):
        Follower(reading(refusal("is missing")), COLLECT_FIXED)


def test_what_the_role_itself_cannot_use_is_refused_like_any_bad_file(plant: Plant) -> None:
    def check(new: Plant) -> None:
        raise refusal("receiver has no key")

    follower = Follower(reading(plant, replace(plant, asset=())), PUBLISH_FIXED, check=check)
    assert not follower.again()
    assert follower.plant == plant


@pytest.mark.parametrize("place", sorted({*COLLECT_FIXED, *PUBLISH_FIXED}))
def test_what_is_fixed_keeps_its_value_and_is_named(place: str, plant: Plant) -> None:
    section, key = place.split(".")
    old = getattr(getattr(plant, section), key)
    other = old * 2 if isinstance(old, int) else Path("/elsewhere") if key in ("state_dir", "key_file") else "other"
    new = replace(plant, asset=(), **{section: replace(getattr(plant, section), **{key: other})})
    merged, waiting = following(plant, new, [place])
    assert (merged, waiting) == (replace(plant, asset=()), [place])


def test_what_waits_for_a_restart_is_said_and_the_rest_is_followed(plant: Plant) -> None:
    new = replace(plant, plant=replace(plant.plant, id="werk-neu"), asset=())
    follower = Follower(reading(plant, new), PUBLISH_FIXED)
    assert follower.again()
    assert follower.trouble == "needs a restart: plant.id"
    assert (follower.plant.plant.id, follower.plant.asset) == ("werk-ulm", ())
