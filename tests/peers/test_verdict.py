"""The verdict on a foreign server is never generous."""

from protocols.contract import Outcome
from tests.peers.catalogue import PEERS, Package, Peer
from tests.peers.verdict import Sighting, faults, sighting

PEER = Peer(name="p", package=Package.JSMODBUS, address="", nameplate={"serial_number": "7"})
SEEN = Sighting(outcome="identified", nameplate={"serial_number": "7"})


def test_what_was_expected_is_no_fault() -> None:
    assert faults(PEER, SEEN, where="probe") == []


def test_peer_that_nobody_saw_is_a_fault() -> None:
    assert faults(PEER, None, where="receiver") == ["receiver: nothing of it"]


def test_wrong_value_missing_field_and_invented_field_are_faults() -> None:
    for nameplate in ({"serial_number": "8"}, {}, {"serial_number": "7", "firmware_version": "1"}):
        assert len(faults(PEER, Sighting(outcome="identified", nameplate=nameplate), where="probe")) == 1


def test_another_outcome_is_a_fault_and_the_reason_is_told() -> None:
    [fault] = faults(PEER, Sighting(outcome="silent", detail="no answer in 3 s"), where="probe")
    assert fault == "probe: silent instead of identified: no answer in 3 s"


def test_probe_and_asset_report_are_read_alike() -> None:
    seen = sighting({"outcome": "anonymous", "detail": "d", "remarks": ["r"], "ledger": {"requests": {"43/14": 1}}})
    assert seen == Sighting(outcome="anonymous", detail="d", remarks=("r",), requests={"43/14": 1})


def test_every_peer_has_its_own_name_and_only_identified_ones_have_a_nameplate() -> None:
    assert len({peer.name for peer in PEERS}) == len(PEERS)
    assert all(bool(peer.nameplate) == (peer.outcome is Outcome.IDENTIFIED) for peer in PEERS)
