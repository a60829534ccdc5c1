"""The fold: every journal record becomes one link of the chain, and what cannot be read says so."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.change import Change, ChangeKind
from agent.core.observation import Event
from agent.publish.fold import Chain, Draft, drafts, extend
from buffer.record import Damaged, Record
from evidence import kinds
from evidence.envelope import hash_text
from tests.agent.core.looks import look, moment
from tests.agent.publish.chains import EPOCH, author, body, opened
from tests.effort import examples


def record(kind: str, document: msgspec.Struct | bytes, seq: int = 1) -> Record:
    encoded = document if isinstance(document, bytes) else msgspec.json.encode(document)
    return Record(kind=kind, subject="press-07", at=moment().text, body=encoded, seq=seq)


def test_each_record_is_signed_as_the_next_link(tmp_path: Path) -> None:
    event = Event(name="collect.started", at=moment().text, moment=moment())
    writer = author(tmp_path)
    chain, parcels = extend(Chain(epoch=EPOCH), drafts([record("event", event)] * 3, moment()), author=writer, now=moment(9))
    claims = [opened(parcel, writer.signer).claims for parcel in parcels]
    assert [claim.seq for claim in claims] == [0, 1, 2]
    assert [claim.prev for claim in claims] == [None, hash_text(parcels[0].digest), hash_text(parcels[1].digest)]
    assert (chain.seq, chain.head) == (2, hash_text(parcels[2].digest))


def test_observation_becomes_an_asset_report_with_the_plant_files_words(tmp_path: Path) -> None:
    seen = look(register={"role": "plc", "criticality": "high", "location": "Hall 3", "register_id": "ISMS-1"})
    seen = msgspec.convert(msgspec.to_builtins(seen), type(seen))
    [draft] = drafts([record("observation", seen)], moment())
    assert isinstance(draft.body, kinds.Asset)
    assert (draft.body.asset_id, draft.body.role, draft.body.register_id) == ("press-07", "plc", "ISMS-1")
    assert draft.body.nameplate["firmware_version"].value == "2.1"
    assert draft.body.clock == "sync"


def test_change_becomes_a_change_report() -> None:
    change = Change(
        asset_id="a",
        observed_at=moment().text,
        moment=moment(),
        change=ChangeKind.LOST,
        field="outcome",
        before="identified",
        after="silent",
    )
    [draft] = drafts([record("change", change)], moment())
    assert isinstance(draft.body, kinds.Change) and draft.body.change == "lost"


def test_record_that_cannot_be_read_becomes_an_event_that_says_so() -> None:
    hostile = [
        record("observation", b"{"),
        record("change", b"[]"),
        record("magic", b"{}"),
        Damaged(seq=9, reason="the checksum does not match"),
    ]
    reports = drafts(hostile, moment())
    assert [draft.body.name for draft in reports if isinstance(draft.body, kinds.Event)] == ["record.unreadable"] * 4


@pytest.mark.parametrize("levels", [40, 300, 900, 980, 3_000, 100_000])
def test_record_that_not_every_receiver_could_read_becomes_an_event_and_ends_nothing(levels: int, tmp_path: Path) -> None:
    deep = msgspec.json.encode(look()).replace(b'"posture":null', b'"posture":{"a":' + b"[" * levels + b"]" * levels + b"}")
    huge = msgspec.json.encode(look()).replace(b'"posture":null', b'"posture":{"a":1' + b"0" * 30 + b"}")
    reports = drafts([record("observation", deep), record("observation", huge, seq=2)], moment())
    _, parcels = extend(Chain(epoch=EPOCH), reports, author=author(tmp_path), now=moment())
    assert [parcel.kind for parcel in parcels] == ["event/1", "event/1"]


def test_report_that_is_too_large_to_sign_is_confessed_in_its_place(tmp_path: Path) -> None:
    writer = author(tmp_path)
    component = kinds.Component(name="n" * 1000, version="v" * 1000, manufacturer="m" * 1000, source="")
    huge = msgspec.structs.replace(
        drafts([record("observation", look())], moment())[0].body, software_components=[component] * 100
    )
    _, [parcel] = extend(Chain(epoch=EPOCH), [Draft("press-07", huge)], author=writer, now=moment())
    confession = body(parcel, writer.signer)
    assert isinstance(confession, kinds.Event) and "cannot be signed" in confession.detail


@settings(max_examples=examples(80))
@given(st.sampled_from(["observation", "change", "event", "x"]), st.binary(max_size=400))
def test_any_journal_record_becomes_exactly_one_report(kind: str, content: bytes) -> None:
    assert len(drafts([record(kind, content)], moment())) == 1
