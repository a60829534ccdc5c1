"""Clocks that lie: no battery, 1970, ten years off, set back and forth, at work and between two boots.

No timer hangs on it and none storms, the chain goes on, every record says how far its time may be believed, and `silence/1` says
from when to when it could not.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec
import pytest

from agent.core.asset import AssetState, after_look
from agent.core.moment import ClockState, Moment
from agent.demo.modbus_device import ModbusDevice, Unit
from agent.publish.manifest import EVERY_S, FIRST_AFTER_S
from buffer.outbox import Stored
from buffer.record import State
from evidence.keys import public_from_jwk
from evidence.trust import Registry, save_trust
from isms.state import State as IsmsState
from tests.agent.core.looks import look
from tests.brokers import Mosquitto, mosquitto
from tests.faults.gateway import Place, Receiver, drain, numbered

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
TODAY_S = 1_800_000_000.0
TEN_YEARS_S = 315_576_000.0
CLOCKS = {"1970": 0.0, "ten years back": TODAY_S - TEN_YEARS_S, "right": TODAY_S, "ten years ahead": TODAY_S + TEN_YEARS_S}

pairs = pytest.mark.parametrize(("before", "after"), [(one, other) for one in CLOCKS for other in CLOCKS if one != other])


def at(clock: str, up_s: float, *, boot: str = "boot-1", state: ClockState = ClockState.UNSYNC) -> Moment:
    return Moment(at_s=CLOCKS[clock] + up_s, up_s=up_s, boot=boot, clock=state)


def asset(now: Moment) -> State:
    known: AssetState = after_look(None, look())
    return State(kind="asset", subject="press-07", at=now.text, body=msgspec.json.encode(known))


def manifests(place: Place, moments: list[Moment], receiver: Receiver) -> int:
    """Let publish live through these moments, and collect with it; return how many manifests it wrote."""
    with place.recorder() as recorder, place.spool(place.author, now=moments[0]) as spool:
        recorder.begin(moments[0], assets=1)
        told = 0
        for now in moments:
            recorder.record([numbered(0)], [asset(now)], now, at_once=True)
            spool.fold(now)
            waiting = spool.outbox.pending(0, limit=1000)
            told += sum(isinstance(parcel, Stored) and parcel.kind == "inventory/1" for parcel in waiting)
            drain(spool, receiver, now)
    return told


@pairs
def test_clock_that_jumps_while_it_runs_neither_stops_the_manifest_nor_starts_a_storm(
    before: str, after: str, tmp_path: Path
) -> None:
    receiver = Receiver()
    hours = [at(before if hour < 30 else after, 3600.0 * hour) for hour in range(60)]
    assert manifests(Place(tmp_path), hours, receiver) in (2, 3)  # after ten minutes, and once a day
    assert (receiver.missing, receiver.lost, len(receiver.starts)) == (0, 0, 1)


@pairs
def test_clock_that_is_another_after_a_restart_neither_stops_the_manifest_nor_starts_a_storm(
    before: str, after: str, tmp_path: Path
) -> None:
    place, receiver = Place(tmp_path), Receiver()
    minutes = [0.0, FIRST_AFTER_S, FIRST_AFTER_S + 60]
    assert manifests(place, [at(before, up_s) for up_s in minutes], receiver) == 1
    assert manifests(place, [at(after, up_s, boot="boot-2") for up_s in minutes], receiver) == 1
    assert manifests(place, [at(before, up_s, boot="boot-3") for up_s in minutes], receiver) == 1
    assert receiver.missing == receiver.lost == 0


def test_gateway_that_is_switched_off_every_night_and_wakes_in_1970_tells_its_inventory_every_day(tmp_path: Path) -> None:
    place, receiver = Place(tmp_path), Receiver()
    shift = [0.0, 60.0, FIRST_AFTER_S, 8 * 3600.0]
    days = [manifests(place, [at("1970", up_s, boot=f"boot-{day}") for up_s in shift], receiver) for day in range(5)]
    assert days == [1] * 5
    assert shift[-1] < EVERY_S


def test_every_record_says_how_far_its_time_may_be_believed(tmp_path: Path) -> None:
    place, seen = Place(tmp_path), []
    with place.recorder() as recorder, place.spool(place.author, now=at("1970", 0)) as spool:
        recorder.begin(at("1970", 0), assets=1)
        spool.fold(at("1970", 1))
        for state in (ClockState.SYNC, ClockState.HOLDOVER):
            recorder.tick(at("right", 7200, state=state))
            recorder.record([numbered(1)], [], at("right", 7200, state=state))
            spool.fold(at("right", 7200, state=state))
        for parcel in spool.outbox.pending(0, limit=100):
            assert isinstance(parcel, Stored)
            seen.append(claims(parcel.token))
    # Two hours without a tick are a silence of their own, beside the one of the clock.
    assert [claim["clk"] for claim in seen] == ["unsync", "unsync", "sync", "sync", "sync", "holdover"]
    assert seen[0]["iat"] == 0
    stood_still, silence = (claim["body"] for claim in seen if claim["type"] == "silence/1")
    assert (stood_still["reason"], stood_still["clock"]) == ("stopped", "unsync")
    assert (silence["reason"], silence["lasted_s"], silence["clock"]) == ("clock", 7200.0, "sync")
    assert silence["until"].startswith("2027-01-15T10:00")
    assert silence["since"].startswith("2027-01-15T08:00")


def claims(token: bytes) -> dict:
    from evidence.strict import decode_base64url

    return msgspec.json.decode(decode_base64url(token.split(b".")[1]))


def test_power_cut_of_a_gateway_without_a_battery_is_confessed_with_times_that_are_marked_as_wrong(tmp_path: Path) -> None:
    place, receiver = Place(tmp_path), Receiver()
    manifests(place, [at("right", 100, state=ClockState.SYNC)], receiver)
    with place.recorder() as recorder, place.spool(place.author, now=at("1970", 5, boot="boot-2")) as spool:
        recorder.begin(at("1970", 5, boot="boot-2"), assets=1)
        spool.fold(at("1970", 6, boot="boot-2"))
        found = [claims(parcel.token) for parcel in spool.outbox.pending(0, limit=100) if isinstance(parcel, Stored)]
    [silence] = [claim["body"] for claim in found if claim["type"] == "silence/1"]
    assert (silence["reason"], silence["clock"], silence["lasted_s"]) == ("power-off", "unsync", 0.0)


# The same with real processes, whose clock somebody else sets


@contextmanager
def role(name: str, plant: Path, offset: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a role under a clock that is off by what a file says: wall time alone, as when a time server sets it."""
    lying = {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    with (plant.parent / f"{name}.log").open("ab") as log:
        command = [sys.executable, "-I", "-m", "agent", name, "--config", str(plant)]
        process = subprocess.Popen(command, env=os.environ | lying, stdout=log, stderr=log)
    try:
        yield process
        assert process.poll() is None, (plant.parent / f"{name}.log").read_text()[-2000:]
    finally:
        process.terminate()
        process.wait(20)


@asynccontextmanager
async def plant_with(device: ModbusDevice, broker: Mosquitto, folder: Path) -> AsyncIterator[tuple[Path, IsmsState]]:
    """A plant file with one device, and a receiver that believes this gateway."""
    isms = IsmsState(folder / "isms")
    key = isms.create_key()
    (folder / "isms.jwk").write_text(json.dumps(key.public_jwk))
    plant = folder / "plant.toml"
    plant.write_text(
        f'[plant]\nid = "faults"\n[gateway]\nid = "gw"\nstate_dir = "{folder / "state"}"\n[broker]\nurl = "{broker.url}"\n'
        f'[receiver]\nkey_file = "{folder / "isms.jwk"}"\n[collect]\nidentity_interval_s = 1\nbackoff_first_s = 1\n'
        f'[[asset]]\nid = "press-07"\naddress = "modbus-tcp://127.0.0.1:{device.port}?unit=1"\n'
    )
    subprocess.run([sys.executable, "-m", "agent", "key", "init", "--config", str(plant)], check=True, capture_output=True)
    shown = subprocess.run(
        [sys.executable, "-m", "agent", "key", "show", "--config", str(plant), "--json"], check=True, stdout=-1
    )
    gateway = public_from_jwk(json.loads(shown.stdout))
    save_trust(isms.trust, Registry().with_key(gateway, "urn:nameplated:faults:gw"))
    command = [sys.executable, "-m", "isms", "receive", "--state", str(isms.directory), "--broker", broker.url]
    with (folder / "isms.log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log)
    try:
        yield plant, isms
    finally:
        process.terminate()
        process.wait(20)


async def until(condition: Callable[[], bool], within_s: float = 40.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.1)


def receipts_in(plant: Path) -> int:
    log = plant.parent / "publish.log"
    return log.read_text().count("receipt.settled") if log.exists() else 0


def books(isms: IsmsState) -> dict:
    command = [sys.executable, "-m", "isms", "gateways", "--state", str(isms.directory), "--json"]
    [found] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["gateways"]
    return found


@pytest.mark.timeout(180)
@pytest.mark.mosquitto
@pytest.mark.skipif(LIBRARY is None, reason="the Debian package libfaketime is not installed")
def test_both_roles_live_through_every_jump_of_the_clock(tmp_path: Path) -> None:
    async def live(visit: Callable[[ModbusDevice, Path, IsmsState], Awaitable[None]]) -> None:
        device = ModbusDevice({1: Unit(objects={0: b"Acme", 1: b"P-7", 2: b"V1"})})
        with mosquitto(tmp_path / "broker") as broker:
            async with device, plant_with(device, broker, tmp_path) as (plant, isms):
                await visit(device, plant, isms)

    async def jump(device: ModbusDevice, plant: Path, isms: IsmsState) -> None:
        offset, versions = tmp_path / "offset", iter(range(2, 100))
        for start, jumps in (("@1970-01-01 00:00:20", ("+0", "+10y")), ("+10y", ("-10y", "@1970-01-01 00:00:20"))):
            offset.write_text(f"{start}\n")
            with role("collect", plant, offset), role("publish", plant, offset):
                for clock in (start, *jumps):
                    offset.write_text(f"{clock}\n")
                    device.units[1].objects[2] = b"V%d" % next(versions)  # news, which has to arrive
                    looks, receipts = device.connections, receipts_in(plant)
                    await until(lambda looks=looks: device.connections >= looks + 3)
                    await until(lambda receipts=receipts: receipts_in(plant) > receipts)
                    assert device.connections - looks < 60, "a storm"
        found = books(isms)
        assert (found["state"], found["gaps"]) == ("sound", 0), found

    asyncio.run(live(jump))
