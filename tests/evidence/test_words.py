"""Fingerprints in words: pronounceable, and different where the fingerprints are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.errors import KeyInvalidError
from evidence.strict import encode_base64url
from evidence.words import same_words, words
from tests.evidence.samples import signer

DIGESTS = st.binary(min_size=32, max_size=32)


@given(DIGESTS, DIGESTS)
def test_words_differ_exactly_where_the_first_half_of_the_fingerprint_does(one: bytes, other: bytes) -> None:
    assert (words(encode_base64url(one)) == words(encode_base64url(other))) == (one[:16] == other[:16])


def test_words_are_eight_and_can_be_read_out() -> None:
    spoken = words(signer().kid).split("-")
    assert len(spoken) == 8 and all(len(word) == 5 and set(word[1::2]) <= set("aiou") for word in spoken)


@pytest.mark.parametrize("heard", ["", "nagup", "nagup-soruv-pokud-jijok-nodih-butub-sabid-lomoz"])
def test_words_that_were_misheard_are_not_the_same(heard: str) -> None:
    assert not same_words(heard, signer().kid)


@pytest.mark.parametrize("kid", ["", "short", "ü" * 43, "A" * 44])
def test_what_is_no_thumbprint_has_no_words(kid: str) -> None:
    with pytest.raises(KeyInvalidError):
        words(kid)
