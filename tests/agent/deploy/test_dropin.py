"""The kernel lets each unit reach what the plant file says, and nothing that it does not say."""

from hypothesis import given
from hypothesis import strategies as st

from agent.deploy.dropin import COLLECT, PUBLISH, SINGLE, UNITS, Lookup, drop_ins, host_names, warnings
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


def test_host_names_are_looked_up_once_and_addresses_never() -> None:
    named = plant("opc.tcp://a.example", "modbus-tcp://a.example", "modbus-tcp://127.0.0.1", broker="mqtts://b.example")
    assert host_names(named) == ("b.example", "a.example")


def test_serial_port_is_opened_by_its_path_and_for_collect_alone() -> None:
    serial = plant("modbus-rtu:///dev/serial/by-id/usb-A?unit=1", "modbus-tcp://127.0.0.1")
    assert "DeviceAllow=/dev/serial/by-id/usb-A rw" in lines(serial, COLLECT)
    assert "PrivateDevices=no" in lines(serial, COLLECT)
    assert not any("Device" in line for line in lines(serial, PUBLISH))
    assert not any("Device" in line for line in lines(plant("modbus-tcp://127.0.0.1"), COLLECT))


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
