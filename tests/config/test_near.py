"""The word that was probably meant: one that is like it, or none."""

from config.near import nearest


def test_a_slip_of_the_finger_finds_the_word() -> None:
    assert nearest("wago-75O", ["sma", "wago-750", "wago-350"]) == "wago-750"


def test_a_word_like_no_other_finds_none() -> None:
    assert nearest("xyz", ["wago-750"]) is None
    assert nearest("", []) is None


def test_only_the_beginning_of_an_endless_word_is_compared() -> None:
    assert nearest("wago-750" + "x" * 10_000_000, ["wago-750"]) is None
