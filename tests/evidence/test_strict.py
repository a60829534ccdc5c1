"""One spelling for everything."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.errors import MalformedEnvelopeError
from evidence.strict import decode_base64url, decode_json_object, encode_base64url, require_one_meaning


@given(st.binary(max_size=100))
def test_bytes_have_exactly_one_spelling(data: bytes) -> None:
    text = encode_base64url(data).encode()
    assert decode_base64url(text) == data
    for other in (text + b"=", text + b"\n", b" " + text, text + b"A", text + b"!"):
        try:
            assert decode_base64url(other) != data
        except MalformedEnvelopeError:
            pass


@pytest.mark.parametrize("text", [b"A", b"AB", b"+/==", b"AA==", b"A A", b"\xff\xff", b"QUJ\n", b"ab+/"])
def test_any_other_spelling_is_refused(text: bytes) -> None:
    with pytest.raises(MalformedEnvelopeError):
        decode_base64url(text)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"1",
        b"[]",
        b'"x"',
        b"null",
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":[{"b":1,"b":2}]}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' + b"9" * 5000 + b"}",
        b"{} {}",
        b"{'a':1}",
    ],
)
def test_what_two_readers_could_read_differently_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedEnvelopeError):
        decode_json_object(data)


def test_an_object_is_read() -> None:
    assert decode_json_object(b' {"a": {"b": [1, "\xc3\xbc"]}} ') == {"a": {"b": [1, "ü"]}}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=12,
    ),
    st.booleans(),
)
def test_the_quick_look_agrees_with_the_slow_one(value: object, spaced: bool) -> None:
    data = json.dumps(value, separators=(", ", ": ") if spaced else (",", ":"), ensure_ascii=spaced).encode(
        "utf-8", "surrogatepass"
    )
    found = []
    for look in (require_one_meaning, decode_json_object):
        try:
            look(data)
            found.append(True)
        except MalformedEnvelopeError:
            found.append(False)
    assert found[0] == found[1]


@pytest.mark.parametrize("text", [b'{"a":1,"a":1}', b'{"a":{"b":1,"b":2}}', b'{"a":NaN}', b"[1]", b"1", b"", b'{"a":"\\ud800"}x'])
def test_the_quick_look_lets_nothing_through_that_the_slow_one_refuses(text: bytes) -> None:
    with pytest.raises(MalformedEnvelopeError):
        require_one_meaning(text)
