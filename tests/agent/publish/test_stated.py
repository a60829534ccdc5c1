"""What our own envelopes state."""

from dataclasses import replace
from pathlib import Path

import pytest

from agent.publish.fold import Chain, Draft, extend
from agent.publish.stated import claims_of, gap_of, span_of
from buffer.outbox import Parcel
from evidence import kinds
from evidence.errors import MalformedEnvelopeError
from tests.agent.core.looks import moment
from tests.agent.publish.chains import EPOCH, author


@pytest.fixture
def parcels(tmp_path: Path) -> list[Parcel]:
    gap = kinds.Gap(from_seq=3, to_seq=5, count=3, reason=kinds.GapReason.BITROT, last_hash="A" * 43)
    event = kinds.Event(name="n", at=moment().text, subject="gateway", detail="")
    drafts = [Draft("gateway", gap), Draft("gateway", event)]
    return extend(Chain(epoch=EPOCH, seq=7, head="A" * 43), drafts, author=author(tmp_path), now=moment())[1]


def test_place_and_span_are_read_back(parcels: list[Parcel]) -> None:
    assert [claims_of(parcel).seq for parcel in parcels] == [8, 9]
    assert span_of(parcels[0]) == (EPOCH, 3, 5)


def test_what_is_no_gap_is_not_taken_for_one(parcels: list[Parcel]) -> None:
    with pytest.raises(MalformedEnvelopeError, match="is none"):
        gap_of(parcels[1])


@pytest.mark.parametrize("token", [b"", b"a.b", b"a.e30.c", b"a.!!.c"])
def test_what_is_no_envelope_is_refused(parcels: list[Parcel], token: bytes) -> None:
    broken = replace(parcels[0], token=token)
    with pytest.raises(MalformedEnvelopeError):
        claims_of(broken)
