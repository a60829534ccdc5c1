"""The figures of a plan are those of the code that will run."""

from pathlib import Path

import msgspec
import pytest

from agent.collect.records import draft
from agent.collect.role import Target
from agent.core.asset import AssetState, after_look
from agent.core.observation import Register
from agent.core.schedule import Turn
from agent.core.vitals import Found, Vitals
from agent.operator import plan as module
from agent.operator.plan import Plan, plan
from agent.publish.conversation import HEALTH_EVERY_S
from agent.publish.fold import Author, Chain, Draft, drafts, extend
from agent.publish.manifest import EVERY_S, Told, manifest
from agent.publish.vitals import health
from agent.wiring import ask
from buffer.journal import Journal
from buffer.outbox import Outbox
from buffer.record import Record, State
from config.address import Address
from config.load import load
from config.model import Asset, BrokerSection, CollectSection, GatewaySection, Plant, PlantSection
from evidence.keys import create_key
from protocols.profile import bundled
from tests.agent.core.looks import look, moment, plate
from tests.agent.publish.test_manifest import surveyed

ASSETS = 100
MIXED = Path(module.__file__).parents[2] / "config" / "plants" / "mixed.toml"


def made(*assets: Asset, collect: CollectSection | None = None) -> Plan:
    plant = Plant(
        plant=PlantSection(id="p"),
        gateway=GatewaySection(id="g"),
        broker=BrokerSection(url="mqtts://b"),
        collect=collect or CollectSection(),
        asset=assets,
    )
    return plan(plant, bundled(), exposed={})


def asset(name: str, address: str, **fields: str) -> Asset:
    return Asset(id=name, address=Address.parse(address), **fields)


def test_assets_hosts_lines_and_connections_are_counted_as_collect_sees_them() -> None:
    plant = load(MIXED)
    counted = plan(plant, bundled(), exposed={})
    asks = [ask(one.address, plant.collect) for one in plant.asset]
    stops = [
        Target(asset_id=one.id, address="", register=Register(), ask=what).stop
        for one, what in zip(plant.asset, asks, strict=True)
    ]
    assert counted.assets_by_protocol == {"modbus-tcp": 1, "modbus-rtu-tcp": 3, "opc.tcp": 2}
    assert counted.hosts + counted.serial_lines == len({stop.lane for stop in stops})
    assert counted.connections_a_day == len({(stop.lane, stop.slot) for stop in stops})


def test_serial_lines_are_no_hosts() -> None:
    counted = made(*(asset(f"m{n}", f"modbus-rtu:///dev/ttyUSB0?unit={n}") for n in (1, 2)))
    assert (counted.hosts, counted.serial_lines, counted.connections_a_day) == (0, 1, 4)


@pytest.mark.parametrize(
    ("address", "profile", "expected", "most"),
    [
        ("modbus-tcp://h", "", 4, 30),
        ("opc.tcp://h", "", 36, 200),
        ("modbus-tcp://h", "siemens-pac-im0", 4, 5),
        ("modbus-tcp://h", "vacon-100", 0, 0),
        ("modbus-tcp://h", "abb-acs", 4, 30),
    ],
)
def test_requests_a_day_are_expected_ones_and_the_limit_that_is_kept(
    address: str, profile: str, expected: int, most: int
) -> None:
    (visit,) = made(asset("a", address, profile=profile)).visits
    assert (visit.requests_a_day, visit.most_requests_a_day) == (expected, most)


def test_no_device_is_expected_to_be_asked_more_than_the_plant_allows() -> None:
    tight = CollectSection(max_requests=1, max_opcua_requests=4, identity_interval_s=86_400)
    everything = [asset(name, f"modbus-tcp://{name}", profile=name) for name in bundled()]
    for visit in made(*everything, asset("ua", "opc.tcp://h"), collect=tight).visits:
        assert visit.requests_a_day <= (4 if visit.asset_id == "ua" else 1)
        assert visit.requests_a_day <= visit.most_requests_a_day


def test_an_empty_plant_asks_nothing() -> None:
    empty = made()
    assert (empty.requests_a_day, empty.hosts, empty.flash_bytes_a_day) == (0, 0, 0)
    assert empty.broker_bytes_a_day > 1_000_000  # health, all the same


def test_health_is_sent_as_often_as_the_plan_says() -> None:
    assert module.HEALTH_REPORTS * HEALTH_EVERY_S == EVERY_S == module.DAY_S


# The constants, held against what the real code writes and signs. Bytes are counted where the kernel takes them.


def written() -> int:
    (line,) = [line for line in Path("/proc/self/io").read_text().splitlines() if line.startswith("wchar")]
    return int(line.split()[1])


def seen(number: int) -> AssetState:
    names = plate(manufacturer_name="Schneider Electric", order_code_of_manufacturer="TM221CE16R", firmware_version="V1.10.2.0")
    names |= plate(manufacturer_product_designation="Modicon M221", manufacturer_product_family="Modicon")
    register = Register(role="plc", criticality="high", location="Hall 3, line 2", register_id="ISMS-4711")
    address = f"modbus-tcp://10.20.0.{number}:502?unit=1"
    return after_look(None, look(asset_id=f"press-{number:04d}-plc", address=address, nameplate=names, register=register))


def states(number: int, *, at_s: float) -> list[State]:
    now = moment(at_s)
    turn = Turn(asked=now, wait_s=21_600.0, learned=["regular"])
    name = f"press-{number:04d}-plc"
    return [
        State(kind="asset", subject=name, at=now.text, body=msgspec.json.encode(seen(number))),
        State(kind="endpoint", subject=name, at=now.text, body=msgspec.json.encode(turn)),
    ]


@pytest.fixture
def author(tmp_path: Path) -> Author:
    return Author(issuer="urn:nameplated:werk-ulm:gw-halle3", audience="urn:isms:central", signer=create_key(tmp_path / "key"))


@pytest.mark.parametrize("together", [1, 5, 20])
def test_looks_write_what_the_plan_says_alone_and_in_company(tmp_path: Path, together: int) -> None:
    with Journal.open(tmp_path / "journal.db", max_bytes=1 << 24) as journal:
        journal.append([], [state for number in range(ASSETS) for state in states(number, at_s=0)])
        before = written()
        for first in range(0, ASSETS, together):
            journal.append([], [state for number in range(first, first + together) for state in states(number, at_s=21_600)])
        promised = ASSETS * module.LOOK_FLASH_BYTES + ASSETS / together * module.TRANSACTION_FLASH_BYTES
        assert 0.5 * promised <= written() - before <= 1.1 * promised


def test_looks_that_wait_for_company_cost_fewer_transactions() -> None:
    crowd = made(*(asset(f"m{n}", f"modbus-tcp://h{n}") for n in range(ASSETS))).flash_bytes_a_day
    alone = made(asset("m", "modbus-tcp://h")).flash_bytes_a_day
    assert alone > 24 * module.TRANSACTION_FLASH_BYTES  # a sign of life every hour
    assert crowd < ASSETS * alone / 2


def test_a_manifest_weighs_and_writes_what_the_plan_says(tmp_path: Path, author: Author) -> None:
    plant = surveyed((f"press-{n:04d}-plc", seen(n)) for n in range(ASSETS))
    [part] = manifest(plant, moment(), Told(moment=moment()))
    _, parcels = extend(Chain(epoch="0b1f9c1e-0000-4000-8000-000000000000"), part.drafts, author=author, now=moment())
    before = written()
    with Outbox.open(tmp_path / "outbox.db", max_bytes=1 << 24) as outbox:
        outbox.commit(parcels, {})
        outbox.settle_positions([parcel.position for parcel in outbox.pending(0, limit=10)])
    assert (written() - before) / ASSETS == pytest.approx(module.ASSET_LINE_FLASH_BYTES, rel=0.5)
    assert sum(len(parcel.token) for parcel in parcels) / ASSETS == pytest.approx(module.ASSET_LINE_BYTES, rel=0.2)


def test_first_reports_and_health_weigh_what_the_plan_says(tmp_path: Path, author: Author) -> None:
    record = draft("observation", "press-0007-plc", seen(7).observation, moment().text)
    journaled = Record(seq=1, kind=record.kind, subject=record.subject, at=record.at, body=record.body)
    with Outbox.open(tmp_path / "outbox.db", max_bytes=1 << 24) as outbox:
        depth = outbox.depth()
    found = [
        Found(name="networks", state="ok", detail="the kernel refuses what a unit's address list forbids"),
        Found(name="memory-limit", state="ok", detail="limited: nameplated-collect.service 192 MiB"),
        Found(name="clock", state="ok", detail="confirmed by a time server"),
    ]
    role = Vitals(at=moment().text, written_bytes=4_000_000, rss_bytes=31_000_000, found=found)
    roles = {"collect": role, "publish": role}
    vitals = health(
        now=moment(), started=moment(), session=3, agent_version="0.1.0", depth=depth, outcomes={"identified": 7}, roles=roles
    )
    reports = [*drafts([journaled], moment()), Draft("gateway", vitals)]
    _, (first, minute) = extend(Chain(epoch="0b1f9c1e-0000-4000-8000-000000000000"), reports, author=author, now=moment())
    assert len(first.token) == pytest.approx(module.FIRST_REPORT_BYTES, rel=0.2)
    assert len(minute.token) == pytest.approx(module.HEALTH_BYTES, rel=0.2)
