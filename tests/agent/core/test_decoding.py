"""Bytes of another process become a document or one named error, whatever they are."""

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.asset import AssetState
from agent.core.decoding import DEEPEST, UnreadableError, decoded, nesting
from agent.core.observation import Observation
from agent.core.status import Word
from agent.core.vitals import Vitals
from tests.agent.core.looks import look

LEVELS = (DEEPEST + 1, 300, 900, 3_000, 30_000, 100_000)


def nested(levels: int) -> bytes:
    """An observation whose posture is this deep."""
    return msgspec.json.encode(look()).replace(b'"posture":null', b'"posture":{"a":' + b"[" * levels + b"]" * levels + b"}")


def test_document_of_the_form_is_read() -> None:
    assert decoded(msgspec.json.encode(look()), Observation) == look()


@pytest.mark.parametrize("levels", LEVELS)
def test_document_that_is_nested_too_deep_is_refused_whoever_reads_it(levels: int) -> None:
    with pytest.raises(UnreadableError, match="nested deeper"):
        decoded(nested(levels), Observation)


@pytest.mark.parametrize("levels", LEVELS)
@pytest.mark.parametrize("form", [AssetState, Vitals, Word])
def test_nesting_in_a_field_that_nobody_knows_is_refused_too(form: type, levels: int) -> None:
    with pytest.raises(UnreadableError):
        decoded(b'{"unknown":' + b"[" * levels + b"]" * levels + b"}", form)


def test_document_of_many_brackets_that_is_not_deep_is_read() -> None:
    wide = msgspec.json.encode(look(posture={"policies": [['[[{\\"', "]}"]] * 5_000}))
    assert decoded(wide, Observation).posture is not None


@pytest.mark.parametrize("text", [b'{"a": "\xff"}', b'{"a": "\\ud800"}', b"", b'"' + b'\\"' * 100_000])
def test_bytes_that_are_no_text_are_refused(text: bytes) -> None:
    with pytest.raises(UnreadableError):
        decoded(text, dict[str, str])


@given(st.binary(max_size=300))
def test_any_bytes_are_a_document_or_the_one_error(body: bytes) -> None:
    with contextlib.suppress(UnreadableError):
        assert isinstance(decoded(body, Observation), Observation)


@given(st.recursive(st.text(), lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(), parts, max_size=3)))
def test_brackets_inside_text_do_not_count(value: object) -> None:
    def depth(part: object) -> int:
        inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else None
        return 0 if inner is None else 1 + max(map(depth, inner), default=0)

    wide = [value, *([""] for _ in range(DEEPEST))]
    assert nesting(msgspec.json.encode(wide)) == max(2, 1 + depth(value))
