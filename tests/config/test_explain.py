"""The explanations are the model's own words, whole."""

import msgspec
import pytest

from config import explain, model
from config.model import BrokerSection, CollectSection, Plant

SECTIONS = [
    kind
    for kind in vars(model).values()
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind is not msgspec.Struct
]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_key_is_explained_and_nothing_else_is(section: type[msgspec.Struct]) -> None:
    assert list(explain.keys(section)) == [info.name for info in msgspec.structs.fields(section)]
    assert all(text.endswith(".") for text in explain.keys(section).values())


def test_summary_has_no_table_name_and_no_full_stop() -> None:
    assert explain.summary(CollectSection).startswith("what a look may cost a device. Reasons")
    assert explain.summary(Plant) == "One plant file"


def test_explanation_over_two_lines_is_one_sentence() -> None:
    class Section(msgspec.Struct):
        """A section.

        Attributes:
            first: One line
                and another.
            second: More.

        Not an attribute: this.
        """

        first: str
        second: str

    assert explain.keys(Section) == {"first": "One line and another.", "second": "More."}


def test_structure_without_a_docstring_explains_nothing() -> None:
    assert explain.keys(type("Bare", (msgspec.Struct,), {"__doc__": None})) == {}


def test_words_of_the_model_are_not_changed() -> None:
    assert explain.keys(BrokerSection)["key_file"] == "PEM key of that certificate. It is not the key that signs reports."
