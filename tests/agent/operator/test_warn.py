"""What deserves a look is said once, with the names of the assets."""

from collections.abc import Mapping

import msgspec
import pytest

from agent.operator.warn import MAX_NAMED, warnings
from config.address import Address
from config.model import Asset, BrokerSection, CollectSection, GatewaySection, Plant, PlantSection, ReceiverSection
from protocols.contract import Confidence
from protocols.profile import bundled
from protocols.profile_form import ConnectRisk, Profile, Read

QUIET = Plant(
    plant=PlantSection(id="p"),
    gateway=GatewaySection(id="g"),
    broker=BrokerSection(url="mqtts://broker.example"),
    receiver=ReceiverSection(key_file=GatewaySection(id="g").state_dir / "isms.jwk"),
)


def asset(name: str, address: str = "modbus-tcp://10.0.0.1", **fields: str) -> Asset:
    return Asset(id=name, address=Address.parse(address), **fields)


def profile(**fields: object) -> Mapping[str, Profile]:
    plain: dict[str, object] = {"id": "x", "version": 1, "devices": "d", "doc": "d", "confidence": Confidence.HIGH}
    return {"x": Profile(**(plain | {"reads": (Read(fc=3, addr=0, count=1),)} | fields))}  # type: ignore[arg-type]  # any field


def said(
    *assets: Asset,
    profiles: Mapping[str, Profile] | None = None,
    exposed: Mapping[str, str] | None = None,
    broker: str = "mqtts://broker.example",
    collect: CollectSection | None = None,
) -> list[str]:
    plant = msgspec.structs.replace(QUIET, asset=assets, broker=BrokerSection(url=broker), collect=collect or CollectSection())
    return list(warnings(plant, profiles or bundled(), exposed=exposed or {}))


def test_a_plant_that_needs_no_look_gets_none() -> None:
    assert said(asset("plc")) == []


def test_what_single_settings_deserve_is_said_too() -> None:
    assert any("gap_ms" in warning for warning in said(asset("plc"), collect=CollectSection(gap_ms=1)))


@pytest.mark.parametrize(
    "role", ["drive", "Frequenzumrichter", "VFD", "Servo axis", "Sanftanlasser", "soft starter", "Antrieb 2"]
)
def test_a_drive_that_nobody_named_a_profile_for_is_named(role: str) -> None:
    (warning,) = said(asset("a-7", role=role))
    assert "a-7" in warning and "opt-in" in warning


@pytest.mark.parametrize("role", ["reservoir", "overdrive-less meter", "plc", ""])
def test_what_only_sounds_like_a_drive_is_none(role: str) -> None:
    assert said(asset("a-7", role=role)) == []


def test_a_drive_over_opc_ua_or_with_a_profile_is_left_in_peace() -> None:
    assert said(asset("a", "opc.tcp://h", role="drive"), asset("b", role="drive", profile="x"), profiles=profile()) == []


def test_many_drives_are_counted() -> None:
    (warning,) = said(*(asset(f"drive-{n}", f"modbus-tcp://h{n}") for n in range(MAX_NAMED + 3)))
    assert warning.startswith("drive-0, ") and "and 3 more" in warning


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"confidence": Confidence.LOW}, "low confidence"),
        ({"connect_risk": ConnectRisk.OPT_IN, "caution": "It beeps."}, "side effects that are known. It beeps"),
        ({"connect_risk": ConnectRisk.DENY, "caution": "It stops.", "reads": ()}, "left alone. It stops"),
        ({"reads": tuple(Read(fc=3, addr=n, count=1) for n in range(7))}, "needs 7 requests"),
    ],
)
def test_what_a_profile_says_is_repeated_once_for_all_its_assets(fields: dict[str, object], word: str) -> None:
    (warning,) = said(asset("a", profile="x"), asset("b", "modbus-tcp://h", profile="x"), profiles=profile(**fields))
    assert warning.startswith("a, b: profile x ") and word in warning


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("modbus-tcp://10.0.0.1:502?unit=7", "unit id 1, and the address has 7"),
        ("modbus-tcp://10.0.0.1:5020?unit=1", "port 502, and the address has 5020"),
    ],
)
def test_a_device_elsewhere_than_its_family_usually_is_gets_a_second_look(address: str, what: str) -> None:
    (warning,) = said(asset("a", address, profile="x"), profiles=profile())
    assert warning.startswith("a: x usually") and what in warning


def test_units_behind_a_gateway_are_numbered_as_their_plant_likes() -> None:
    first, second = (asset(f"m{n}", f"modbus-tcp://10.0.0.1?unit={n}", profile="x") for n in (1, 2))
    assert said(first, second, profiles=profile()) == []


def test_a_secret_that_others_can_read_comes_with_its_remedy() -> None:
    assert said(asset("plc"), exposed={"/k": "o="}) == ["/k: others can read this secret. Run: chmod o= /k"]


@pytest.mark.parametrize(
    ("broker", "device", "network"),
    [("10.0.0.9", "10.0.0.1", "10.0.0.0/24"), ("[fd00::1]", "[fd00::2:1]", "fd00::/64")],
)
def test_a_device_on_the_brokers_side_is_named(broker: str, device: str, network: str) -> None:
    (warning,) = said(asset("plc", f"modbus-tcp://{device}"), broker=f"mqtts://{broker}")
    assert warning.startswith("plc: in the broker's network") and network in warning


@pytest.mark.parametrize(
    ("broker", "device"),
    [("10.0.1.9", "10.0.0.1"), ("127.0.0.1", "127.0.0.2"), ("10.0.0.9", "plc.example"), ("10.0.0.9", "[::2]"), ("b", "10.0.0.1")],
)
def test_other_networks_names_and_this_machine_itself_are_not(broker: str, device: str) -> None:
    assert said(asset("plc", f"modbus-tcp://{device}"), broker=f"mqtts://{broker}") == []


def test_no_sentence_ends_twice() -> None:
    everything = [asset(name, f"modbus-tcp://{name}", profile=name) for name in bundled()]
    assert not [warning for warning in said(*everything) if warning.endswith(".")]
