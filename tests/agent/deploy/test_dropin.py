"""The kernel lets each unit reach what the plant file says, and nothing that it does not say."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.deploy.dropin import COLLECT, PUBLISH, SINGLE, UNITS, Lookup, drop_ins, folders, host_names, needs_restart, warnings
from config.model import Plant
from tests.agent.deploy.plants import plant

NOTHING = Lookup({})
NAMES = Lookup({"plc.plant.example": ("127.0.0.9", "::1"), "isms.example": ("127.0.0.8",)}, resolvers=("127.0.0.53",))


def lines(of: Plant, unit: str, lookup: Lookup = NOTHING) -> list[str]:
    (text,) = [drop_in.text for drop_in in drop_ins(of, lookup) if drop_in.unit == unit]
    return text.splitlines()


def allowed(of: Plant, unit: str, lookup: Lookup = NOTHING) -> list[str]:
    return [line.removeprefix("IPAddressAllow=") for line in lines(of, unit, lookup) if line.startswith("IPAddressAllow=")]


def test_collect_reaches_exactly_the_devices() -> None:
    mixed = plant("modbus-tcp://127.0.0.1", "opc.tcp://127.0.0.2", "modbus-rtu-tcp://[::1]:4001", broker="mqtts://127.0.0.4")
    assert allowed(mixed, COLLECT) == ["127.0.0.1", "127.0.0.2", "::1"]


def test_publish_reaches_exactly_the_broker() -> None:
    assert allowed(plant("modbus-tcp://127.0.0.1"), PUBLISH, NAMES) == ["127.0.0.4"]


def test_single_process_reaches_both() -> None:
    assert allowed(plant("modbus-tcp://127.0.0.1"), SINGLE) == ["127.0.0.1", "127.0.0.4"]


def test_units_of_one_host_share_a_line_that_names_them_all() -> None:
    gateway = plant("modbus-rtu-tcp://127.0.0.1:4001?unit=1", "modbus-rtu-tcp://127.0.0.1:4001?unit=2")
    assert "# asset-1 asset-2\nIPAddressAllow=127.0.0.1" in "\n".join(lines(gateway, COLLECT))
    assert allowed(gateway, COLLECT) == ["127.0.0.1"]


def test_broker_with_a_name_opens_its_addresses_and_the_name_servers() -> None:
    named = plant("modbus-tcp://127.0.0.1", broker="mqtts://isms.example")
    assert allowed(named, PUBLISH, NAMES) == ["127.0.0.8", "127.0.0.53"]
    assert allowed(named, COLLECT, NAMES) == ["127.0.0.1"]


def test_device_with_a_name_opens_its_addresses_and_no_name_server() -> None:
    assert allowed(plant("opc.tcp://plc.plant.example"), COLLECT, NAMES) == ["127.0.0.9", "::1"]


def test_name_that_nobody_knows_opens_nothing_and_is_named_in_a_comment_and_a_warning() -> None:
    unknown = plant("opc.tcp://filler.example")
    assert allowed(unknown, COLLECT) == []
    assert any(line.startswith("# asset-1: filler.example") for line in lines(unknown, COLLECT))
    assert any("filler.example: could not be looked up" in warning for warning in warnings(unknown, NOTHING))


def test_every_name_is_warned_about_even_if_it_is_known() -> None:
    assert [
        warning
        for warning in warnings(plant("opc.tcp://plc.plant.example"), NAMES)
        if "the kernel knows addresses only" in warning
    ]


def test_plant_of_addresses_deserves_no_warning() -> None:
    assert warnings(plant("modbus-tcp://127.0.0.1"), NOTHING) == []


def test_files_where_no_unit_can_see_them_are_warned_about() -> None:
    hidden = plant("modbus-tcp://127.0.0.1", broker="mqtts://127.0.0.4", more='ca_file = "/run/user/1000/ca.crt"')
    assert [warning.split(":")[0] for warning in warnings(hidden, NOTHING)] == ["/run/user/1000/ca.crt"]


@pytest.mark.parametrize("setting", ["username_file", "user_certificate_file", "user_key_file"])
def test_files_of_a_device_are_looked_at_too(setting: str) -> None:
    of = plant("opc.tcp://127.0.0.1")
    asset = msgspec.structs.replace(of.asset[0], **{setting: Path("/run/user/1000/login")})
    assert [note.split(":")[0] for note in warnings(msgspec.structs.replace(of, asset=[asset]), NOTHING)] == [
        "/run/user/1000/login"
    ]


def test_host_names_are_looked_up_once_and_addresses_never() -> None:
    named = plant("opc.tcp://a.example", "modbus-tcp://a.example", "modbus-tcp://127.0.0.1", broker="mqtts://b.example")
    assert host_names(named) == ("b.example", "a.example")


def opened(port: str, unit: str = COLLECT) -> list[str]:
    return [
        line.removeprefix("DeviceAllow=") for line in lines(plant(f"modbus-rtu://{port}?unit=1"), unit) if "DeviceAllow=" in line
    ]


def test_port_on_the_board_is_opened_by_its_path_and_nothing_else() -> None:
    for port in ("/dev/ttyS0", "/dev/ttyAMA0", "/dev/serial0"):
        assert opened(port) == [f"{port} rw"]


def test_usb_adapter_is_opened_by_its_kind_so_that_it_may_come_later_or_again() -> None:
    assert opened("/dev/ttyUSB0") == ["char-188 rw"]
    assert opened("/dev/ttyACM3") == ["char-166 rw"]


def test_port_with_a_name_of_udev_may_be_either_kind_or_one_of_its_own() -> None:
    assert opened("/dev/serial/by-id/usb-A") == ["/dev/serial/by-id/usb-A rw", "char-166 rw", "char-188 rw"]


def test_serial_ports_are_collects_alone() -> None:
    serial = plant("modbus-rtu:///dev/ttyUSB0?unit=1", "modbus-tcp://127.0.0.1")
    assert "PrivateDevices=no" in lines(serial, COLLECT)
    assert not any("Device" in line for line in lines(serial, PUBLISH))
    assert not any("Device" in line for line in lines(plant("modbus-tcp://127.0.0.1"), COLLECT))


def test_group_is_the_ports_own_and_a_port_that_is_not_there_is_taken_to_be_dialouts_with_a_note() -> None:
    two = plant("modbus-rtu:///dev/ttyS0?unit=1", "modbus-rtu:///dev/ttyUSB0?unit=1")
    known = Lookup({}, groups={"/dev/ttyS0": "uucp"})
    assert "SupplementaryGroups=dialout uucp" in lines(two, COLLECT, known)
    assert [warning.split(":")[0] for warning in warnings(two, known)] == ["/dev/ttyUSB0"]


def test_port_that_no_group_may_use_is_noted() -> None:
    (note,) = warnings(plant("modbus-rtu:///dev/ttyS0?unit=1"), Lookup({}, groups={"/dev/ttyS0": ""}))
    assert note.startswith("/dev/ttyS0: no group may read and write it")


def test_plant_of_serial_lines_alone_has_no_network_on_the_ot_side() -> None:
    serial = plant("modbus-rtu:///dev/ttyUSB0?unit=1")
    assert "PrivateNetwork=yes" in lines(serial, COLLECT)
    assert "PrivateNetwork=yes" not in lines(serial, SINGLE)
    assert "PrivateNetwork=yes" not in lines(plant("modbus-rtu:///dev/ttyUSB0?unit=1", "modbus-tcp://127.0.0.1"), COLLECT)


def test_percent_sign_of_a_path_is_no_specifier() -> None:
    assert "DeviceAllow=/dev/serial/a%%n rw" in lines(plant("modbus-rtu:///dev/serial/a%n?unit=1"), COLLECT)


def test_other_state_directory_is_opened_to_each_role_for_its_own_folders() -> None:
    elsewhere = plant("modbus-tcp://127.0.0.1", gateway='state_dir = "/srv/a b/100%"')
    assert 'ReadWritePaths="/srv/a b/100%%/collect"' in lines(elsewhere, COLLECT)
    assert 'InaccessiblePaths="-/srv/a b/100%%/publish"' in lines(elsewhere, COLLECT)
    assert 'ReadWritePaths="/srv/a b/100%%/handover"' in lines(elsewhere, PUBLISH)


def test_folders_of_another_state_directory_are_made_by_commands_that_can_be_pasted() -> None:
    elsewhere = plant("modbus-tcp://127.0.0.1", gateway='state_dir = "/srv/a b"')
    assert folders(elsewhere) == [
        "install -d -m 755 '/srv/a b'",
        "install -d -o nameplated-ot -g nameplated -m 750 '/srv/a b/collect'",
        "install -d -o nameplated-it -g nameplated -m 750 '/srv/a b/publish'",
        "install -d -o nameplated-it -g nameplated -m 750 '/srv/a b/handover'",
    ]
    assert not any("nameplated-ot" in command for command in folders(elsewhere, single=True))
    assert folders(plant("modbus-tcp://127.0.0.1")) == []


def test_addresses_and_devices_alone_need_no_restart() -> None:
    before, more = plant("modbus-tcp://127.0.0.1"), plant("modbus-tcp://127.0.0.1", "modbus-tcp://127.0.0.2")
    serial = plant("modbus-tcp://127.0.0.1", "modbus-rtu:///dev/ttyS0?unit=1")
    texts = ["\n".join(lines(of, COLLECT)) for of in (before, more, serial)]
    assert not needs_restart(texts[0], texts[1])
    assert needs_restart(texts[0], texts[2])
    assert needs_restart(None, texts[0])


def test_usual_state_directory_needs_no_line() -> None:
    assert not any("Paths=" in line for unit in UNITS for line in lines(plant("modbus-tcp://127.0.0.1"), unit))


OURS = ("#", "[Service]", "IPAddressAllow=", "ReadWritePaths=", "InaccessiblePaths=")


@given(
    st.text(
        st.characters(min_codepoint=32, exclude_categories=("Cc", "Cs", "Zl", "Zp", "Cf", "Zs", "Co", "Cn")),
        min_size=1,
        max_size=60,
    )
)
def test_no_path_begins_a_line_or_a_word_of_its_own(name: str) -> None:
    try:
        of = plant("modbus-tcp://127.0.0.1", gateway=f"state_dir = {_toml(f'/srv/{name}')}")
    except AssertionError:
        return  # not a path that a plant file may have
    for unit in UNITS:
        for line in lines(of, unit):
            assert line == "" or line.startswith(OURS)
            if "Paths=" in line:
                assert _words(line.partition("=")[2]) == 1


def _toml(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _words(text: str) -> int:
    """Count words as systemd does: separated by blanks outside of double quotes, a backslash takes the next character's meaning."""
    words, quoted, inside, escaped = 0, False, False, False
    for character in text:
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == '"':
            quoted, inside, words = not quoted, True, words + (not inside)
        elif character == " " and not quoted:
            inside = False
        elif not inside:
            inside, words = True, words + 1
    return words
