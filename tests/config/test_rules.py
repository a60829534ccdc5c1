"""What must hold between keys: said once, at the right place, and never about a key that is already known to be bad."""

from typing import Any

import pytest

from config.address import Address
from config.rules import broken_rules


def asset(name: str | None, address: str, **more: object) -> dict[str, Any]:
    return {"id": name, "address": Address.parse(address), **more}


def places(**values: object) -> list[str]:
    return [problem.place for problem in broken_rules(values)]


def test_nothing_to_check_breaks_nothing() -> None:
    assert places() == []


def test_units_behind_one_gateway_are_different_endpoints() -> None:
    assert places(asset=[asset("a", "modbus-tcp://gw?unit=1"), asset("b", "modbus-tcp://gw?unit=2")]) == []


def test_one_endpoint_under_two_names_is_refused_however_it_is_spelt() -> None:
    assert places(asset=[asset("a", "modbus-tcp://GW"), asset("b", "modbus-tcp://gw:502?unit=1")]) == ["asset[2].address"]


def test_the_third_asset_of_one_name_points_to_the_first() -> None:
    problems = broken_rules({"asset": [asset("a", "opc.tcp://x"), asset("a", "opc.tcp://y"), asset("a", "opc.tcp://z")]})
    assert [(problem.place, "asset[1]" in problem.what) for problem in problems] == [("asset[2].id", True), ("asset[3].id", True)]


def test_a_bad_id_or_address_is_no_duplicate() -> None:
    assert places(asset=[{"id": None, "address": None}, {"id": None, "address": None}, {}]) == []


def test_profiles_are_for_modbus_and_security_is_for_opc_ua() -> None:
    wrong = [asset("a", "opc.tcp://x", profile="wago-750"), asset("b", "modbus-tcp://y", security="sign")]
    right = [asset("c", "opc.tcp://z", security="sign"), asset("d", "modbus-tcp://w", profile="wago-750", security="none")]
    assert places(asset=wrong + right) == ["asset[1].profile", "asset[2].security"]


@pytest.mark.parametrize("key", ["username_file", "user_certificate_file"])
def test_a_user_logs_in_only_over_a_protected_session(key: str) -> None:
    both = {"user_key_file": "k"} if key == "user_certificate_file" else {}
    assert places(asset=[asset("a", "opc.tcp://x", **{key: "f"}, **both)]) == [f"asset[1].{key}"]
    assert places(asset=[asset("a", "opc.tcp://x", security="none", **{key: "f"}, **both)]) == [f"asset[1].{key}"]
    assert places(asset=[asset("a", "opc.tcp://x", security="sign", **{key: "f"}, **both)]) == []


def test_a_users_certificate_and_key_come_together_and_without_a_password() -> None:
    secure = {"name": "a", "address": "opc.tcp://x", "security": "sign"}
    assert places(asset=[asset(**secure, user_certificate_file="c")]) == ["asset[1]"]
    assert places(asset=[asset(**secure, user_key_file="k")]) == ["asset[1]"]
    assert places(asset=[asset(**secure, user_certificate_file="c", user_key_file="k", username_file="u")]) == ["asset[1]"]
    assert places(asset=[asset(**secure, username_file="u")]) == []


@pytest.mark.parametrize("speed", ["baud=9600&parity=E", "baud=19200&parity=N"])
def test_a_serial_line_has_one_speed_and_parity(speed: str) -> None:
    line = [asset("a", "modbus-rtu:///dev/ttyS0?unit=1"), asset("b", f"modbus-rtu:///dev/ttyS0?unit=2&{speed}")]
    assert places(asset=line) == ["asset[2].address"]
    assert places(asset=[line[0], asset("b", f"modbus-rtu:///dev/ttyS1?unit=2&{speed}")]) == []


@pytest.mark.parametrize("alone", ["certificate_file", "key_file"])
def test_a_certificate_and_its_key_come_together(alone: str) -> None:
    assert places(broker={"url": "mqtts://b", alone: "x"}) == ["broker"]
    assert places(broker={"url": "mqtts://b", "certificate_file": "x", "key_file": None}) == []


def test_certificates_without_tls_are_refused() -> None:
    assert places(broker={"url": "mqtt://b", "ca_file": "x"}) == ["broker.url"]
    assert places(broker={"url": "mqtt://b", "username_file": "x"}) == []


def test_the_first_wait_is_not_longer_than_the_longest() -> None:
    assert places(collect={"backoff_first_s": 86_401}) == ["collect.backoff_first_s"]
    assert places(collect={"backoff_longest_s": 899}) == ["collect.backoff_first_s"]
    assert places(collect={"backoff_first_s": 10, "backoff_longest_s": 10}) == []
    assert places(collect={"backoff_first_s": 86_401, "backoff_longest_s": None}) == []
