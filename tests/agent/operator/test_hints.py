"""A poor answer brings what to try next, a good one brings nothing, and nothing is ever tried by itself."""

from typing import Any

import pytest

from agent.core.observation import Observation
from agent.operator.hints import hints, makers_profiles
from config.address import Address
from protocols.profile import bundled
from protocols.profile_form import ConnectRisk
from tests.agent.core.looks import look, plate

PROTECTED: dict[str, Any] = {"offered": [{"mode": "sign-and-encrypt", "policy": "Basic256Sha256", "user_tokens": ["username"]}]}
OPEN: dict[str, Any] = {"offered": [{"mode": "none", "policy": "None", "user_tokens": ["anonymous"]}]}


def said(look: Observation, address: str, *, profile: str = "", security: str = "none") -> str:
    return " | ".join(hints(look, Address.parse(address), profile=profile, security=security, profiles=bundled()))


def poor(**values: str) -> Observation:
    return look(nameplate=plate(**values))


@pytest.mark.parametrize(
    ("outcome", "address", "words"),
    [
        ("silent", "modbus-tcp://h?unit=1", ["unit id: 255 or 0 for", "modbus-rtu-tcp://"]),
        ("refused", "modbus-tcp://h?unit=255", ["unit id: 1 or 0 for"]),
        ("malformed", "modbus-rtu-tcp://h:4001?unit=3", ["unit id: behind a gateway", "modbus-tcp://"]),
        ("silent", "modbus-rtu:///dev/ttyUSB0?unit=3", ["unit id", "baud rate or parity"]),
        ("unreachable", "modbus-tcp://h:5020", ["listens on 502, and the address has 5020"]),
        ("unreachable", "opc.tcp://h:48010", ["listen on 4840, and the address has 48010"]),
        ("anonymous", "modbus-tcp://h?unit=1", ["--profile NAME"]),
        ("anonymous", "modbus-tcp://h?unit=255", ["--profile NAME", "answers unit id 255 itself"]),
    ],
)
def test_where_nobody_told_a_name_there_is_something_to_try(outcome: str, address: str, words: list[str]) -> None:
    told = said(look(outcome), address)
    assert [word for word in words if word not in told] == []


@pytest.mark.parametrize("address", ["modbus-tcp://h:502", "modbus-rtu:///dev/ttyUSB0?unit=1", "opc.tcp://h:4840"])
def test_a_host_that_is_not_there_is_the_networks_matter(address: str) -> None:
    assert said(look("unreachable"), address) == ""


def test_a_full_nameplate_needs_no_advice() -> None:
    assert said(poor(manufacturer_name="WAGO", firmware_version="1", serial_number="2"), "modbus-tcp://h") == ""


def test_a_maker_with_register_maps_is_worth_another_look() -> None:
    told = said(poor(manufacturer_name="Schneider Electric", firmware_version="1"), "modbus-tcp://h")
    assert "--profile schneider-" in told and "and 2 more" in told and "it told no serial number" in told


def test_a_maker_without_any_is_not() -> None:
    assert said(poor(manufacturer_name="ACME"), "modbus-tcp://h") == ""


def test_a_profile_that_does_not_fit_names_its_sisters_and_the_way_without() -> None:
    told = said(look("anonymous"), "modbus-tcp://h", profile="wago-750")
    assert "--profile wago-879: it is not what wago-750 describes" in told and "without --profile" in told


def test_a_port_of_its_own_names_the_families_that_use_it() -> None:
    family = next(name for name, profile in bundled().items() if profile.port != 502)
    assert family in said(look("anonymous"), f"modbus-tcp://h:{bundled()[family].port}")


@pytest.mark.parametrize(
    ("outcome", "posture", "security", "words"),
    [
        ("refused", PROTECTED, "none", ["--security sign-and-encrypt: the server offers it"]),
        ("refused", OPEN, "sign", ["--security none: the server offers it"]),
        ("anonymous", PROTECTED, "sign-and-encrypt", ["--username-file"]),
        ("refused", None, "none", ["needs no session"]),
        ("silent", None, "none", ["needs no session"]),
    ],
)
def test_an_opc_ua_server_is_asked_for_less_or_with_more(
    outcome: str, posture: dict[str, Any] | None, security: str, words: list[str]
) -> None:
    told = said(look(outcome, posture=posture), "opc.tcp://h", security=security)
    assert [word for word in words if word not in told] == []


def test_an_opc_ua_server_that_told_all_needs_no_advice() -> None:
    assert said(look(posture=OPEN), "opc.tcp://h") == said(look("untrusted", posture=PROTECTED), "opc.tcp://h") == ""


def test_every_profile_is_found_by_the_maker_that_it_proves() -> None:
    for name, profile in bundled().items():
        found = makers_profiles(profile.vendor, bundled())
        assert (name in found) == (
            bool(profile.vendor) and profile.connect_risk is not ConnectRisk.DENY and len(profile.vendor) > 2
        )


@pytest.mark.parametrize("maker", ["", "  ", "x", "\x1b[2J", "=A", "ÄÖ"])
def test_a_makers_name_that_says_nothing_finds_nothing(maker: str) -> None:
    assert makers_profiles(maker, bundled()) == []
