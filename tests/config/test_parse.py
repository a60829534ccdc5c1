"""A document becomes the plant that was meant, or every problem at once; never anything else."""

import json
import string
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.address import BAUD_RATES, Address, Scheme
from config.model import (
    Asset,
    BrokerSection,
    CollectSection,
    GatewaySection,
    Plant,
    PlantSection,
    ReceiverSection,
    SigningSection,
    SpoolSection,
)
from config.parse import parse
from tests.effort import examples

BASE = Path("/etc/nameplated")
MINIMAL: dict[str, Any] = {"plant": {"id": "p"}, "gateway": {"id": "g"}, "broker": {"url": "mqtts://b"}}


def render(plant: Plant) -> str:
    """Write a plant as TOML: what is None is left out, and the assets come last."""
    sections = [(f"[{name}]", getattr(plant, name)) for name in plant.__struct_fields__ if name != "asset"]
    tables = sections + [("[[asset]]", asset) for asset in plant.asset]
    return "\n".join(
        line for header, table in tables if table is not None for line in (header, *_keys(msgspec.structs.asdict(table)))
    )


def _keys(table: dict[str, Any]) -> list[str]:
    return [
        f"{key} = {json.dumps(value if isinstance(value, int | float) else str(value), ensure_ascii=False)}"
        for key, value in table.items()
        if value is not None and not isinstance(value, tuple)
    ]


ids = st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=32)
asset_ids = st.text(string.ascii_lowercase + string.digits + "._-", min_size=1, max_size=64)
texts = st.text(st.sampled_from("aB 9.-_\"'\\#=[]{}äßЖ中🏭"), max_size=30)
paths = st.text(string.ascii_letters + string.digits + "._-", min_size=1).map(BASE.joinpath)
names = st.text(string.ascii_lowercase, min_size=1, max_size=20).map("plc-".__add__)
ports = st.integers(1, 65535)
units = st.integers(1, 247)
modbus = st.builds(
    Address, scheme=st.sampled_from([Scheme.MODBUS_TCP, Scheme.MODBUS_RTU_TCP]), host=names, port=ports, unit=units
)
serial = st.builds(
    Address,
    scheme=st.just(Scheme.MODBUS_RTU),
    host=names.map("/dev/".__add__),
    unit=units,
    baud=st.sampled_from(BAUD_RATES),
    parity=st.sampled_from("NEO"),
)
opcua = st.builds(Address, scheme=st.just(Scheme.OPC_UA), host=names, port=ports, path=st.sampled_from(["", "/UA", "/UA/Server"]))
described = dict.fromkeys(("role", "criticality", "location", "description"), texts) | {
    "register_id": st.none() | texts.filter(len)
}
assets = st.one_of(
    st.builds(Asset, id=asset_ids, address=modbus | serial, profile=st.sampled_from(["", "wago-750"]), **described),
    st.builds(Asset, id=asset_ids, address=opcua, security=st.sampled_from(["none", "sign", "sign-and-encrypt"]), **described),
)
plants = st.builds(
    Plant,
    plant=st.builds(PlantSection, id=ids, name=texts),
    gateway=st.builds(GatewaySection, id=ids, state_dir=paths),
    broker=st.builds(BrokerSection, url=st.just("mqtts://b:8883"), ca_file=st.none() | paths, username_file=st.none() | paths, topic_prefix=st.sampled_from(["", "ot", "ot/ulm"])),
    receiver=st.none() | st.builds(ReceiverSection, key_file=paths, id=ids),
    signing=st.builds(SigningSection, key_file=st.none() | paths),
    collect=st.builds(CollectSection, identity_interval_s=st.integers(1, 86400), visit_s=st.floats(1, 300), gap_ms=st.integers(0, 60000)),
    spool=st.builds(SpoolSection, journal_max_bytes=st.integers(1 << 18, 1 << 32)),
    asset=st.lists(assets, max_size=3, unique_by=(lambda a: a.id, lambda a: a.address.host)).map(tuple),
)  # fmt: skip


# What no list of devices tells, so that `assets` are those of a spreadsheet too.
secret_assets = st.builds(
    Asset,
    id=asset_ids,
    address=opcua,
    security=st.just("sign"),
    deprecated_policies=st.booleans(),
    username_file=st.none() | paths,
)


@given(plants, secret_assets)
def test_an_asset_that_logs_in_survives_too(plant: Plant, asset: Asset) -> None:
    plant = msgspec.structs.replace(plant, asset=(asset,))
    assert parse(tomllib.loads(render(plant)), base=BASE) == (plant, [])


@settings(deadline=None, max_examples=examples(30))
@given(plants)
def test_every_plant_survives_being_written_and_read(plant: Plant) -> None:
    assert parse(tomllib.loads(render(plant)), base=BASE) == (plant, [])


hostile = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates() | st.times() | st.datetimes(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8) | st.sampled_from(["id", "address", "url"]), inner, max_size=3)
    ),
    max_leaves=8,
)
keys = st.sampled_from([info.name for info in msgspec.structs.fields(Plant)]) | st.text(max_size=5)


@settings(deadline=None)
@given(st.dictionaries(keys, hostile))
def test_any_document_is_a_plant_or_problems_and_never_an_exception(document: dict[str, Any]) -> None:
    plant, problems = parse(document, base=BASE)
    assert (plant is None) == bool(problems)
    assert all("\n" not in str(problem) and len(str(problem)) < 1000 for problem in problems)


@settings(deadline=None, max_examples=examples(20))
@given(plants, st.data())
def test_one_bad_key_anywhere_is_found_at_its_place(plant: Plant, data: st.DataObject) -> None:
    document = tomllib.loads(render(plant))
    section = data.draw(st.sampled_from(["plant", "gateway", "broker", "collect", "spool"]))
    key = data.draw(st.sampled_from(sorted(document[section])))
    document[section][key] = [None]
    result, problems = parse(document, base=BASE)
    assert result is None
    assert [problem.place for problem in problems] == [f"{section}.{key}"]


def test_defaults_are_the_polite_ones() -> None:
    plant, _ = parse(MINIMAL, base=BASE)
    assert plant is not None
    assert (plant.collect.identity_interval_s, plant.collect.gap_ms, plant.collect.max_requests) == (21600, 250, 6)
    assert (plant.collect.backoff_first_s, plant.collect.backoff_longest_s) == (900, 86400)
    assert plant.receiver is None
    assert plant.asset == ()


def test_a_relative_path_starts_beside_the_plant_file_and_an_absolute_one_stays() -> None:
    plant, _ = parse(MINIMAL | {"broker": {"url": "mqtts://b", "ca_file": "ca.crt", "username_file": "/run/user"}}, base=BASE)
    assert plant is not None
    assert (plant.broker.ca_file, plant.broker.username_file) == (BASE / "ca.crt", Path("/run/user"))


def test_the_report_key_lies_in_the_state_directory_unless_it_is_named() -> None:
    plant, _ = parse(MINIMAL, base=BASE)
    named, _ = parse(MINIMAL | {"signing": {"key_file": "report.key"}}, base=BASE)
    assert plant is not None
    assert plant.report_key_file == Path("/var/lib/nameplated/publish/report.key")
    assert named is not None
    assert named.report_key_file == BASE / "report.key"


def test_a_problem_in_each_asset_hides_none_of_the_others() -> None:
    broken = [
        {"id": "a", "address": "modbus-tcp://h", "role": 1},
        {"id": "a", "address": "modbus-tcp://H:502?unit=1", "rolle": ""},
    ]
    _, problems = parse(MINIMAL | {"asset": broken}, base=BASE)
    assert [problem.place for problem in problems] == ["asset[1].role", "asset[2].rolle", "asset[2].id", "asset[2].address"]


def test_the_value_of_an_unknown_key_is_never_shown() -> None:
    _, problems = parse(MINIMAL | {"broker": {"url": "mqtts://b", "password": "geheim", "pass word": "geheim"}}, base=BASE)
    assert len(problems) == 2
    assert not any("geheim" in str(problem) for problem in problems)


def test_five_thousand_assets_are_read() -> None:
    many = [{"id": f"plc-{n}", "address": f"modbus-tcp://10.{n >> 8}.{n & 255}.1"} for n in range(5000)]
    plant, problems = parse(MINIMAL | {"asset": many}, base=BASE)
    assert plant is not None
    assert len(plant.asset) == 5000
    assert not problems


def test_maintenance_windows_are_read_with_the_keys_that_a_plant_file_has() -> None:
    window = {"days": "mon-fri", "from": "06:00", "to": "14:00", "timezone": "Europe/Berlin"}
    document = {**MINIMAL, "collect": {"maintenance": [window, window | {"days": "sat,sun"}]}}
    plant, problems = parse(document, base=Path("/etc"))
    assert problems == [] and plant is not None
    assert [(one.days, one.from_, one.to) for one in plant.collect.maintenance] == [
        ("mon-fri", "06:00", "14:00"),
        ("sat,sun", "06:00", "14:00"),
    ]


@pytest.mark.parametrize(
    ("key", "value"), [("days", "everyday"), ("days", ""), ("from", "6:00"), ("to", "24:00"), ("timezone", "../../etc/shadow")]
)
def test_a_window_that_cannot_be_kept_is_refused(key: str, value: str) -> None:
    window = {"days": "mon-fri", "from": "06:00", "to": "14:00", "timezone": "Europe/Berlin"} | {key: value}
    _, problems = parse({**MINIMAL, "collect": {"maintenance": [window]}}, base=Path("/etc"))
    assert [problem.place for problem in problems] == [f"collect.maintenance[1].{key}"]
