"""A run's page says everything that is wrong, and a run with anything wrong is not good."""

from pathlib import Path

from tests.peers.catalogue import Package, Peer
from tests.peers.report import Result, Row, document, page
from tests.peers.servers import Server
from tests.peers.verdict import Sighting


def row(*faults: str) -> Row:
    peer = Peer(name="p-1", package=Package.JSMODBUS, address="")
    server = Server(peer=peer, version="1.0", address="modbus-rtu:///deep/below/p-1.tty?unit=7", pki=Path())
    seen = Sighting(
        outcome="identified", nameplate={"manufacturer_name": "ACME", "firmware_version": "2.1"}, requests={"3": 2, "4": 1}
    )
    return Row(server=server, probed=seen, received=None, faults=faults)


def result(*rows: Row, wrong: tuple[str, ...] = ()) -> Result:
    return Result(rows=rows, skipped={"p-2": "npm is missing"}, wrong=wrong, seconds=12.3)


def test_line_of_a_peer_shows_what_was_read_and_what_it_cost() -> None:
    [_, line, *_] = page(result(row())).splitlines()
    assert line.split() == ["p-1", "1.0", "modbus-rtu:…/p-1.tty?unit=7", "identified", "ACME", "2.1", "3"]


def test_every_fault_and_every_peer_left_out_is_told() -> None:
    said = page(result(row("probe: silent instead of identified"), wrong=("3 reports wait for a receipt",)))
    assert "wrong: p-1: probe: silent instead of identified" in said
    assert "wrong: the line: 3 reports wait for a receipt" in said
    assert "skipped: p-2: npm is missing" in said
    assert said.endswith("0 peers as they should be, 1 not, 1 skipped, in 12 s")


def test_run_is_good_only_without_any_fault() -> None:
    assert result(row()).good
    assert not result(row("fault")).good
    assert not result(row(), wrong=("fault",)).good


def test_document_says_the_same_to_a_program() -> None:
    said = document(result(row("fault")))
    assert not said["good"] and said["peers"][0]["faults"] == ("fault",) and said["skipped"] == {"p-2": "npm is missing"}
