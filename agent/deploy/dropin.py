"""What a plant file means to systemd: for each unit the addresses that it may reach, its serial ports, its folders.

Decides which connections the kernel lets a role make. Never looks up a name (`agent.deploy.lookup` does, and hands the answer
in), never widens a network, and lets nothing of the plant file reach a unit unquoted.

Source: systemd.resource-control(5) `IPAddressAllow=`, `DeviceAllow=`; systemd.exec(5) `ReadWritePaths=`; systemd.unit(5) on `%`;
docs.kernel.org/admin-guide/devices for the numbers of serial ports.
"""

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from config.address import Scheme
from config.model import Plant

COLLECT = "nameplated-collect.service"
PUBLISH = "nameplated-publish.service"
SINGLE = "nameplated.service"
UNITS = (COLLECT, PUBLISH, SINGLE)
FILE = "10-plant.conf"
UNIT_DIR = Path("/etc/systemd/system")

STATE_DIR = Path("/var/lib/nameplated")
"""What the units themselves open; a plant file that says otherwise needs more."""

PORT_GROUP = "dialout"
"""Whose serial ports are on Debian, where a port is not there to tell."""

_FIXED_PORT = re.compile(r"/dev/(?:tty(?!USB|ACM)\w+|serial\d+)")
"""A port on the board: always there, always the same."""

# By number and not by name: systemd looks a name up among the drivers that are loaded when the unit starts.
_USB_PORTS = {"/dev/ttyUSB": "char-188", "/dev/ttyACM": "char-166"}

_HIDDEN = tuple(map(Path, ("/home", "/root", "/run/user", "/tmp", "/var/tmp")))  # noqa: S108  # nothing is written there

_HEADER = """\
# Made by `nameplated units` for plant {plant}, gateway {gateway}.
# Make it anew after every change of the plant file; settings of your own belong in a file beside this one.

[Service]
"""


@dataclass(frozen=True, slots=True)
class Lookup:
    """What names meant on this machine, at one moment.

    Attributes:
        addresses: Host name to its addresses; a name that could not be looked up is not in it.
        resolvers: Addresses of the name servers.
        groups: Serial port to the group that may read and write it, empty if none may; a port that is not there is not in it.
    """

    addresses: Mapping[str, tuple[str, ...]]
    resolvers: tuple[str, ...] = ()
    groups: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DropIn:
    """One file beside a unit.

    Attributes:
        unit: The unit that it belongs to.
        text: All of it.
    """

    unit: str
    text: str

    @property
    def place(self) -> Path:
        """Where it lies, below a directory of units."""
        return Path(f"{self.unit}.d", FILE)


def host_names(plant: Plant) -> tuple[str, ...]:
    """Return the hosts of a plant that are names and not addresses, each once."""
    hosts = [plant.broker.address.host, *_devices(plant)]
    return tuple(dict.fromkeys(host for host in hosts if not _is_address(host)))


def serial_ports(plant: Plant) -> tuple[str, ...]:
    """Return the paths of a plant's serial ports, each once."""
    return tuple(dict.fromkeys(asset.address.host for asset in plant.asset if asset.address.scheme is Scheme.MODBUS_RTU))


def drop_ins(plant: Plant, lookup: Lookup) -> tuple[DropIn, ...]:
    """Return the drop-in of each unit."""
    header = _HEADER.format(plant=plant.plant.id, gateway=plant.gateway.id)
    devices, broker = _device_lines(plant, lookup), _broker_lines(plant, lookup)
    parts = {
        COLLECT: [
            *devices,
            *_port_lines(plant, lookup),
            *_no_network(plant),
            *_folders(plant, ("collect",), hidden=("publish",)),
        ],
        PUBLISH: [*broker, *_folders(plant, ("publish", "handover"))],
        SINGLE: [*devices, *broker, *_port_lines(plant, lookup), *_folders(plant, ("collect", "publish", "handover"))],
    }
    return tuple(DropIn(unit, header + "".join(f"{line}\n" for line in lines)) for unit, lines in parts.items())


def warnings(plant: Plant, lookup: Lookup) -> list[str]:
    """Return one sentence for everything that the kernel cannot enforce as it is written, or that a unit cannot see."""
    devices = _devices(plant)
    found = [_about_name(name, lookup) for name in host_names(plant)]
    found += [f"{name}: collect reaches no name server; write it into /etc/hosts" for name in devices if not _is_address(name)]
    found += [_about_port(port, lookup) for port in serial_ports(plant) if not lookup.groups.get(port)]
    found += [
        f"{path}: the units do not see what lies below {root}; move it to /etc/nameplated"
        for path in dict.fromkeys(_named(plant))
        for root in _HIDDEN
        if path.is_relative_to(root)
    ]
    return found


def folders(plant: Plant, *, single: bool = False) -> list[str]:
    """Return the commands that make the folders of a state directory that is not the usual one; systemd makes those of its own alone.

    Args:
        plant: Says where they are.
        single: Both roles run in one process, whose user then owns all of them.
    """
    state = plant.gateway.state_dir
    if state == STATE_DIR:
        return []
    owners = {"collect": "nameplated-it" if single else "nameplated-ot", "publish": "nameplated-it", "handover": "nameplated-it"}
    return [
        f"install -d -m 755 {shlex.quote(str(state))}",
        *(f"install -d -o {owner} -g nameplated -m 750 {shlex.quote(str(state / name))}" for name, owner in owners.items()),
    ]


def needs_restart(old: str | None, new: str) -> bool:
    r"""Say whether a unit that runs under one drop-in must be started anew for another.

    systemd puts the lists of addresses and devices in force as soon as it has read them; all else is settled when a unit starts.

    >>> needs_restart("IPAddressAllow=127.0.0.2\n", "IPAddressAllow=127.0.0.3\n")
    False
    >>> needs_restart("IPAddressAllow=127.0.0.2\n", "PrivateNetwork=yes\n")
    True
    """
    return old is None or _settled(old) != _settled(new)


def _settled(text: str) -> list[str]:
    """Return what a unit keeps until it is started anew."""
    return [line for line in text.splitlines() if line and not line.startswith(("#", "IPAddressAllow=", "DeviceAllow="))]


def _named(plant: Plant) -> Iterable[Path]:
    """Every file and folder that a plant file names and a role opens."""
    broker = plant.broker
    yield from (plant.gateway.state_dir, plant.report_key_file)
    found = [broker.ca_file, broker.certificate_file, broker.key_file, broker.username_file]
    found += [plant.receiver.key_file] if plant.receiver else []
    found += [file for asset in plant.asset for file in (asset.username_file, asset.user_certificate_file, asset.user_key_file)]
    yield from (path for path in found if path is not None)


def _about_port(port: str, lookup: Lookup) -> str:
    if port not in lookup.groups:
        return f"{port}: is not there to tell its group, which is taken to be {PORT_GROUP}; make this anew if it has another one"
    return f"{port}: no group may read and write it; let a udev rule give it to {PORT_GROUP}, and take a console off it"


def _about_name(name: str, lookup: Lookup) -> str:
    if name not in lookup.addresses:
        return f"{name}: could not be looked up, so it cannot be reached; write its address, or make this anew when it has one"
    now = ", ".join(lookup.addresses[name])
    return f"{name}: the kernel knows addresses only; {now} is allowed, and another one only after this is made anew"


def _devices(plant: Plant) -> dict[str, list[str]]:
    """Hosts that are asked over a network, each with its assets."""
    hosts: dict[str, list[str]] = {}
    for asset in plant.asset:
        if asset.address.scheme is not Scheme.MODBUS_RTU:
            hosts.setdefault(asset.address.host, []).append(asset.id)
    return hosts


def _device_lines(plant: Plant, lookup: Lookup) -> list[str]:
    return [line for host, assets in _devices(plant).items() for line in _allow(host, " ".join(assets), lookup)]


def _broker_lines(plant: Plant, lookup: Lookup) -> list[str]:
    """The broker; and who can look its name up, if it is a name."""
    host = plant.broker.address.host
    resolvers = () if _is_address(host) else lookup.resolvers
    return [*_allow(host, "the broker", lookup), *(f"# name server\nIPAddressAllow={address}" for address in resolvers)]


def _allow(host: str, who: str, lookup: Lookup) -> list[str]:
    """Allow a host: by its address, or by the addresses that its name has now."""
    if _is_address(host):
        return [f"# {who}", f"IPAddressAllow={host}"]
    if host not in lookup.addresses:
        return [f"# {who}: {host} is a name that could not be looked up; it stays out of reach"]
    return [f"# {who}: {host}, as looked up when this was made", *(f"IPAddressAllow={one}" for one in lookup.addresses[host])]


def _port_lines(plant: Plant, lookup: Lookup) -> list[str]:
    """Open serial ports: one on the board by its path, a USB adapter by its kind.

    An adapter that is plugged in after the unit started, or again under another number, is a device that systemd did not see when it
    looked its path up: it would stay closed until a restart, and a restart leaves every device alone for a back-off. The price: the role
    may open other USB adapters too. It opens what the plant file names, and nothing that their group does not let it.
    """
    ports = serial_ports(plant)
    if not ports:
        return []
    groups = sorted({lookup.groups.get(port) or PORT_GROUP for port in ports})
    kinds = sorted({kind for port in ports for kind in _kinds(port)})
    return [
        "# Serial ports are devices, and their group's.",
        "PrivateDevices=no",
        f"SupplementaryGroups={' '.join(groups)}",
        *(f"DeviceAllow={_escaped(port)} rw" for port in ports if not _kinds(port) or _is_link(port)),
        *(["# USB adapters by their kind: one that comes later, or again, is another device to systemd."] if kinds else []),
        *(f"DeviceAllow={kind} rw" for kind in kinds),
    ]


def _kinds(port: str) -> tuple[str, ...]:
    """Return the kinds of USB adapter that a path may lead to; none for a port on the board.

    >>> _kinds("/dev/ttyUSB0"), _kinds("/dev/ttyS0"), _kinds("/dev/serial/by-id/usb-A")
    (('char-188',), (), ('char-188', 'char-166'))
    """
    if _FIXED_PORT.fullmatch(port):
        return ()
    named = tuple(kind for start, kind in _USB_PORTS.items() if port.startswith(start))
    return named or tuple(_USB_PORTS.values())


def _is_link(port: str) -> bool:
    """Whether a path is a name that udev gives, which may also lead to an adapter with a driver of its own kind."""
    return not port.startswith(tuple(_USB_PORTS))


def _no_network(plant: Plant) -> list[str]:
    """Take the network away from a role that asks over serial lines alone."""
    if _devices(plant) or not serial_ports(plant):
        return []
    return [
        "# Serial lines alone: no network at all.",
        "PrivateNetwork=yes",
        "# Readiness and log lines.",
        "RestrictAddressFamilies=",
        "RestrictAddressFamilies=AF_UNIX",
    ]


def _folders(plant: Plant, own: Iterable[str], hidden: Iterable[str] = ()) -> list[str]:
    """Open the folders of a state directory that is not the usual one."""
    state = plant.gateway.state_dir
    if state == STATE_DIR:
        return []
    opened = [f"ReadWritePaths={_quoted(str(state / name))}" for name in own]
    return ["# gateway.state_dir", *opened, *(f"InaccessiblePaths={_quoted(f'-{state / name}')}" for name in hidden)]


def _quoted(text: str) -> str:
    r"""Quote one word of a list for systemd.

    >>> _quoted('/srv/a "b" 100%')
    '"/srv/a \\"b\\" 100%%"'
    """
    return '"' + _escaped(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _escaped(text: str) -> str:
    """Take its meaning from `%`, which begins a specifier in a unit."""
    return text.replace("%", "%%")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
