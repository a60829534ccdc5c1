"""What an outbox remembers of the keys that sign it."""

from itertools import pairwise
from pathlib import Path

import pytest

from agent.publish.signers import FORMER, KEY, MOST_FORMER, expected, former, handed_over
from buffer.outbox import MAX_NOTE_BYTES
from tests.evidence.samples import signer
from tests.faults.gateway import Place, moment

KEYS = [signer(bytes([number]) * 32) for number in range(1, MOST_FORMER + 5)]


def test_the_first_record_of_a_chain_says_which_key_it_goes_on_with(tmp_path: Path) -> None:
    place = Place(tmp_path)
    with place.spool(place.author, now=moment()) as spool:
        assert expected(spool.outbox) == place.author.signer.kid


def test_each_handover_adds_the_key_that_signed_until_then() -> None:
    notes: dict[str, bytes] = {}
    for old, new in pairwise(KEYS[:4]):
        notes = handed_over(notes, old, new)
    assert notes[KEY] == KEYS[3].kid.encode()
    assert [key.kid for key in former(notes)] == [key.kid for key in KEYS[:3]]


def test_the_oldest_are_forgotten_before_a_note_is_too_large() -> None:
    notes: dict[str, bytes] = {}
    for old, new in pairwise(KEYS):
        notes = handed_over(notes, old, new)
    assert len(notes[FORMER]) <= MAX_NOTE_BYTES
    assert [key.kid for key in former(notes)] == [key.kid for key in KEYS[-MOST_FORMER - 1 : -1]]


@pytest.mark.parametrize("noted", [b"", b"{}", b'[{"kty":"OKP"}]', b'[{"d":"x"}]', b"\xff" * 9])
def test_a_note_that_cannot_be_read_names_no_key(noted: bytes) -> None:
    assert former({FORMER: noted}) == []
