"""How both roles are reaches the health report: collect's by way of the journal, which to publish is hostile input."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.collect.recorder import Recorder
from agent.core.vitals import VITALS, Found, Vitals
from agent.publish.spool import Spool
from agent.publish.vitals import health
from buffer.backlog import Backlog, backlog_file, write_backlog
from buffer.journal import Journal
from buffer.outbox import Depth, Outbox
from buffer.record import State
from evidence import kinds
from tests.agent.core.looks import moment
from tests.agent.publish.chains import EPOCH, author

MIB = 1024 * 1024
TOLD = Vitals(
    at=moment().text,
    written_bytes=4096,
    rss_bytes=30_000_000,
    guard_fired_at=moment().text,
    given_up=2,
    trouble="plant file refused, the old one holds: plant.toml:3: oops",
    found=[Found(name="networks", state="ok", detail="the kernel refuses", remedy="none")],
)


def reported(**roles: Vitals | None) -> list[kinds.RoleHealth]:
    depth = Depth(count=0, used_bytes=0, oldest_at=None)
    made = health(now=moment(), started=moment(), session=1, agent_version="0", depth=depth, outcomes={}, roles=roles)
    return msgspec.json.decode(msgspec.json.encode(made), type=kinds.Health).roles


def test_what_a_role_told_is_reported_with_what_to_do_about_it() -> None:
    (role,) = reported(collect=TOLD)
    assert (role.role, role.written_bytes, role.given_up, role.guard_fired_at) == ("collect", 4096, 2, moment().text)
    assert role.trouble.endswith("oops")
    assert role.found == [kinds.Found(name="networks", state="ok", detail="the kernel refuses", remedy="none")]


def test_a_finding_of_an_older_gateway_has_no_remedy_and_is_read() -> None:
    older = b'{"name":"clock","state":"ok","detail":"confirmed"}'
    assert msgspec.json.decode(older, type=kinds.Found).remedy == ""


def test_a_role_that_has_told_nothing_is_not_reported() -> None:
    assert [role.role for role in reported(collect=None, publish=TOLD)] == ["publish"]


@pytest.mark.parametrize("nonsense", [{"at": "yesterday"}, {"written_bytes": -1}, {"guard_fired_at": "x"}])
def test_what_no_receiver_would_take_is_left_out_and_takes_nothing_with_it(nonsense: dict[str, Any]) -> None:
    assert [role.role for role in reported(collect=msgspec.structs.replace(TOLD, **nonsense), publish=TOLD)] == ["publish"]


class Gateway:
    """A journal with what collect left, and the spool that reads it."""

    def __init__(self, folder: Path) -> None:
        self.journal = folder / "journal.db"
        self.folder = folder

    def collect(self) -> Vitals | None:
        start = kinds.ChainStart(
            reason=kinds.StartReason.FIRST_BOOT, plant="p", gateway="g", agent_version="0", previous=None, at=moment().text
        )
        with Outbox.open(self.folder / "outbox.db", max_bytes=MIB) as outbox:
            signer = author(self.folder)
            files = (self.journal, self.folder / "watermark")
            spool = Spool(outbox, *files, author=signer, begin=start, epoch=EPOCH, now=moment())
            spool.fold(moment())
            return spool.facts.collect


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return Gateway(tmp_path)


def test_collect_leaves_its_vitals_with_every_transaction_and_publish_finds_them(gateway: Gateway) -> None:
    with Journal.open(gateway.journal, max_bytes=MIB) as journal:
        Recorder(journal, gateway.folder / "watermark", vitals=lambda _: TOLD).begin(moment(), assets=1)
    assert gateway.collect() == TOLD


def test_what_collect_cannot_write_down_is_reported_all_the_same(gateway: Gateway) -> None:
    with Journal.open(gateway.journal, max_bytes=MIB) as journal:
        Recorder(journal, gateway.folder / "watermark", vitals=lambda _: TOLD).begin(moment(), assets=1)
    write_backlog(backlog_file(gateway.journal), Backlog(held=40, given_up=5, stuck_s=60))
    found = gateway.collect()
    assert found is not None and (found.held, found.given_up) == (40, 7)


@pytest.mark.parametrize("body", [b"{", b"[]", msgspec.json.encode({"at": "x" * 999}), b'{"at":"x","found":' + b"[" * 99])
def test_nonsense_in_the_journal_is_no_news_of_collect(body: bytes, gateway: Gateway) -> None:
    with Journal.open(gateway.journal, max_bytes=MIB) as journal:
        journal.append([], [State(kind="gateway", subject=VITALS, at=moment().text, body=body)])
    assert gateway.collect() is None
