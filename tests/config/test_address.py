"""Addresses: one spelling for each endpoint, nothing that is no single machine, and no password ever repeated."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.address import BAUD_RATES, Address, AddressError, BrokerAddress, Scheme, is_loopback

hosts = st.one_of(
    st.ip_addresses().map(str),
    st.text(string.ascii_letters + string.digits + "-._", min_size=1, max_size=80),
    st.sampled_from(["press-07.example", "PLC1", "localhost"]),
)


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("modbus-tcp://10.20.0.7", "modbus-tcp://10.20.0.7:502?unit=1"),
        ("modbus-tcp://10.20.0.7:1502?unit=255", "modbus-tcp://10.20.0.7:1502?unit=255"),
        ("MODBUS-TCP://Press-07.Example.", "modbus-tcp://press-07.example:502?unit=1"),
        ("modbus-tcp://[FE80:0::1]:502?unit=0", "modbus-tcp://[fe80::1]:502?unit=0"),
        ("modbus-rtu-tcp://gw:4001/?unit=247", "modbus-rtu-tcp://gw:4001?unit=247"),
        ("modbus-rtu:///dev/ttyUSB0", "modbus-rtu:///dev/ttyUSB0?baud=19200&parity=E&unit=1"),
        ("modbus-rtu:///dev/ttyS1?unit=9&parity=N&baud=9600", "modbus-rtu:///dev/ttyS1?baud=9600&parity=N&unit=9"),
        ("opc.tcp://10.20.0.21", "opc.tcp://10.20.0.21:4840"),
        ("opc.tcp://10.20.0.21:48010/", "opc.tcp://10.20.0.21:48010"),
        ("opc.tcp://h/UA/Server_1", "opc.tcp://h:4840/UA/Server_1"),
    ],
)
def test_an_endpoint_has_one_full_spelling(text: str, full: str) -> None:
    assert str(Address.parse(text)) == full


def test_a_serial_line_is_named_by_the_path_of_its_port() -> None:
    address = Address.parse("modbus-rtu:///dev/serial/by-path/pci-0000:00:14.0-usb-0:1:1.0-port0?unit=3")
    assert (address.host, address.port, address.unit) == ("/dev/serial/by-path/pci-0000:00:14.0-usb-0:1:1.0-port0", 0, 3)


@pytest.mark.parametrize(
    ("text", "what", "suggestion"),
    [
        ("10.20.0.7:502", "an address begins with", "Example: modbus-tcp://10.20.0.7:502?unit=1"),
        ("modbustcp://10.20.0.7", "an address begins with", "Did you mean modbus-tcp://…?"),
        ("modbus-tcp://10.20.0.7?unti=3", "unknown option 'unti'", "Did you mean 'unit'?"),
        ("modbus-tcp://10.20.0.7?baud=9600", "unknown option 'baud'", "modbus-tcp knows unit."),
        ("modbus-tcp://10.20.0.7?unit=1&unit=2", "option 'unit' needs one value", "Write unit=… once."),
        ("modbus-tcp://10.20.0.7?unit", "option 'unit' needs one value", "Write unit=… once."),
        ("modbus-tcp://10.20.0.7?unit=256", "unit '256' is out of range", "For this kind of address unit is 0 to 255."),
        ("modbus-rtu-tcp://10.20.0.7?unit=0", "unit '0' is out of range", "For this kind of address unit is 1 to 247."),
        ("modbus-tcp://10.20.0.7?unit=٣", "an address is 1 to 1024 printable ASCII characters", "Example"),
        ("modbus-tcp://10.20.0.7/path", "a Modbus address has no path", "Write modbus-tcp://10.20.0.7:502?unit=1."),
        ("modbus-tcp://10.20.0.0007", "'10.20.0.0007' is not an IPv4 address", "Look for a digit too many or a leading zero."),
        ("modbus-tcp://::1:502", "'::1:502' is not a host and a port", "Write an IPv6 address in brackets: [::1]:502."),
        ("modbus-tcp://[10.20.0.7]", "'10.20.0.7' is not an IPv6 address", "Only an IPv6 address stands in brackets."),
        ("modbus-tcp://255.255.255.255", "255.255.255.255 is not the address of one machine", "own address"),
        ("modbus-tcp://0.0.0.0", "0.0.0.0 is not the address of one machine", "own address"),
        ("modbus-tcp://[ff02::1]", "ff02::1 is not the address of one machine", "own address"),
        ("modbus-tcp://10.20.0.0/24", "a Modbus address has no path", "Write modbus-tcp://10.20.0.0:502?unit=1."),
        ("modbus-tcp://plc_ü", "an address is 1 to 1024 printable ASCII characters", "Example"),
        ("modbus-tcp://-plc", "'-plc' is not a host name or IP address", "Write for example 10.20.0.7"),
        ("modbus-tcp://", "'' is not a host name or IP address", "Write for example 10.20.0.7"),
        ("modbus-tcp://plc:0", "port 0 does not exist", "Ports are 1 to 65535."),
        ("modbus-tcp://plc:65536", "port 65536 does not exist", "Ports are 1 to 65535."),
        ("modbus-tcp://plc:port", "'plc:port' is not a host and a port", "Write HOST:502."),
        ("modbus-rtu://ttyUSB0", "'ttyUSB0' is not the path of a serial port", "Write three slashes"),
        ("modbus-rtu:///dev/../etc/passwd", "'/dev/../etc/passwd' is not the path of a serial port", "Write three slashes"),
        ("modbus-rtu:///dev//ttyS0", "'/dev//ttyS0' is not the path of a serial port", "Write three slashes"),
        ("modbus-tcp://[::ffff:10.0.0.7]", "::ffff:10.0.0.7 is an IPv4 address in IPv6 form", "Write 10.0.0.7."),
        ("modbus-rtu:///dev/ttyS0?baud=12345", "baud '12345' is out of range", "1200, 2400"),
        ("modbus-rtu:///dev/ttyS0?parity=e", "parity 'e' does not exist", "Write N (none), E (even) or O (odd)."),
        ("opc.tcp://h?unit=1", "unknown option 'unit'", "opc.tcp addresses have none."),
        ("opc.tcp://h/a b", "an address is 1 to 1024 printable ASCII characters", "Example"),
        ("opc.tcp://h/<a>", "'/<a>' is not the path of an endpoint", "as the server announces it"),
        ("opc.tcp://h/a#b", "an address has no fragment", "Leave out everything from '#' on."),
        ("modbus-tcp://plc\n", "an address is 1 to 1024 printable ASCII characters", "Example"),
        ("x" * 1025, "an address is 1 to 1024 printable ASCII characters", "Example"),
    ],
)
def test_what_is_no_address_is_refused_with_advice(text: str, what: str, suggestion: str) -> None:
    with pytest.raises(AddressError) as refusal:
        Address.parse(text)
    assert refusal.value.what.startswith(what)
    assert suggestion in refusal.value.suggestion


@pytest.mark.parametrize("text", ["{}geheim@plc", "{}user:geheim@plc/x", "{}plc/x?user:geheim@", "{}us/er:geheim@plc"])
@pytest.mark.parametrize("scheme", ["modbus-tcp://", "opc.tcp://", "mqtts://", "http://", ""])
def test_a_password_in_an_address_is_refused_and_not_repeated(scheme: str, text: str) -> None:
    for kind in (Address, BrokerAddress):
        with pytest.raises(AddressError) as refusal:
            kind.parse(text.format(scheme))
        assert "geheim" not in str(refusal.value)


@given(st.one_of(st.text(), st.builds("{}://{}{}".format, st.sampled_from(Scheme), hosts, st.text(max_size=20))))
def test_any_text_is_an_address_or_an_address_error(text: str) -> None:
    try:
        address = Address.parse(text)
    except AddressError:
        return
    assert Address.parse(str(address)) == address


@given(st.sampled_from(BAUD_RATES), st.sampled_from("NEO"), st.integers(1, 247))
def test_serial_settings_survive_the_round_trip(baud: int, parity: str, unit: int) -> None:
    address = Address(scheme=Scheme.MODBUS_RTU, host="/dev/ttyS0", unit=unit, baud=baud, parity=parity)
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("mqtts://isms.example", BrokerAddress(host="isms.example", port=8883, tls=True)),
        ("mqtt://127.0.0.1/", BrokerAddress(host="127.0.0.1", port=1883, tls=False)),
        ("MQTTS://[2001:db8::1]:18883", BrokerAddress(host="2001:db8::1", port=18883, tls=True)),
    ],
)
def test_a_broker_has_a_host_a_port_and_tls_or_not(text: str, address: BrokerAddress) -> None:
    assert BrokerAddress.parse(text) == BrokerAddress.parse(str(address)) == address


@pytest.mark.parametrize(
    "text", ["", "isms.example:8883", "http://isms.example", "mqtts://isms.example/path", "mqtts://isms.example?x=1"]
)
def test_what_is_no_broker_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        BrokerAddress.parse(text)


def test_only_this_machine_is_loopback() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.8.8.8", "::1", "localhost")))
    assert not any(map(is_loopback, ("10.0.0.1", "localhost.example", "isms.example")))
