"""Names become addresses once, and whatever a resolver says, only addresses come out."""

import grp
import socket
from pathlib import Path

from agent.deploy.lookup import look_up, system_resolver


def resolver(name: str) -> list[str]:
    match name:
        case "plc.example":
            return ["127.0.0.9", "127.0.0.2", "127.0.0.9"]
        case "six.example":
            return ["fe80::1%eth0"]
        case "odd.example":
            return ["not an address\nIPAddressAllow=any"]
        case _:
            raise socket.gaierror("no such name")


def test_addresses_are_sorted_and_each_is_there_once() -> None:
    assert look_up(["plc.example"], resolve=resolver).addresses == {"plc.example": ("127.0.0.2", "127.0.0.9")}


def test_unknown_name_is_left_out() -> None:
    assert look_up(["nobody.example"], resolve=resolver).addresses == {}


def test_zone_of_an_address_is_dropped() -> None:
    assert look_up(["six.example"], resolve=resolver).addresses == {"six.example": ("fe80::1",)}


def test_answer_that_is_no_address_is_left_out() -> None:
    assert look_up(["odd.example"], resolve=resolver).addresses == {}


def test_name_servers_are_read_and_everything_else_is_not(tmp_path: Path) -> None:
    conf = tmp_path / "resolv.conf"
    conf.write_bytes(
        b"# nameserver 127.0.0.1\nnameserver\nnameserver 127.0.0.53\nsearch plant.example\nnameserver any\n\xff\nnameserver ::1\n"
    )
    assert look_up([], resolve=resolver, resolv_conf=conf).resolvers == ("127.0.0.53", "::1")


def test_machine_without_resolv_conf_has_no_name_servers(tmp_path: Path) -> None:
    assert look_up([], resolve=resolver, resolv_conf=tmp_path / "none").resolvers == ()


def test_the_system_knows_this_machine() -> None:
    assert {"127.0.0.1", "::1"} & set(system_resolver("localhost"))


def test_group_of_a_port_is_told_where_it_may_read_and_write(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = look_up([], ["/dev/tty", "/dev/null", str(tmp_path / "file"), str(tmp_path / "none")], resolve=resolver).groups
    assert found == {"/dev/tty": _group_of("/dev/tty"), "/dev/null": ""}


def _group_of(port: str) -> str:
    """Of root, as in a container, or of tty."""
    number = Path(port).stat().st_gid
    return grp.getgrgid(number).gr_name if number else ""
