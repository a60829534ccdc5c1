"""What the foreign servers are made of: npm packages of a committed lock file, and a C program on the system's libmodbus.

Decides whether a package can be run here, and says in one sentence why not. Installs into one folder that git ignores, never
into the system, and runs no install script of a package.
"""

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.peers.catalogue import Package

SOURCES = Path(__file__).parent
NPM_TIME_S = 150
C_TIME_S = 60


class MissingError(Exception):
    """A package cannot be run here; the sentence says what to install."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where everything was installed, and what could not be."""

    home: Path
    missing: dict[Package, str]

    @property
    def node(self) -> Path:
        """Folder of the node programs, with their packages beside them."""
        return self.home / "node"

    @property
    def di_nodeset(self) -> Path:
        """OPC UA for Devices, as the OPC Foundation published it; it comes with a node package."""
        return self.node / "node_modules" / "node-opcua-nodesets" / "nodesets" / "Opc.Ua.Di.NodeSet2.xml"

    @property
    def libmodbus_server(self) -> Path:
        """The compiled C server."""
        return self.home / "libmodbus_server"


def prepare(home: Path, wanted: set[Package]) -> Workshop:
    """Install what is wanted, as far as this machine has the tools; the second time costs nothing."""
    home.mkdir(parents=True, exist_ok=True)
    workshop = Workshop(home, {})
    for packages, install in (({Package.LIBMODBUS}, _compile), (set(Package) - {Package.LIBMODBUS}, _install)):
        try:
            if wanted & packages:
                install(workshop)
        except MissingError as error:
            workshop.missing.update(dict.fromkeys(wanted & packages, str(error)))
    return workshop


def _install(workshop: Workshop) -> None:
    """Lay our programs and the packages of the lock file side by side."""
    if not (npm := shutil.which("npm")) or not shutil.which("node"):
        raise MissingError("npm and node are not installed: apt install npm")
    shutil.copytree(SOURCES / "node", workshop.node, dirs_exist_ok=True)
    stamp = workshop.node / ".installed"
    lock = hashlib.sha256((workshop.node / "package-lock.json").read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="ascii") == lock:
        return
    # The optional packages are native serial ports, which nothing here opens.
    _run(
        npm,
        "ci",
        "--ignore-scripts",
        "--omit=optional",
        "--no-audit",
        "--no-fund",
        "--silent",
        cwd=workshop.node,
        time_s=NPM_TIME_S,
    )
    stamp.write_text(lock, encoding="ascii")


def _compile(workshop: Workshop) -> None:
    """Compile the C server; it takes a tenth of a second, so it is always done."""
    if not (compiler := shutil.which("cc")):
        raise MissingError("no C compiler is installed: apt install gcc")
    if not Path("/usr/include/modbus/modbus.h").exists():
        raise MissingError("the headers of libmodbus are not installed: apt install libmodbus-dev")
    source = str(SOURCES / "c" / "libmodbus_server.c")
    _run(
        compiler,
        "-O1",
        "-Wall",
        "-o",
        str(workshop.libmodbus_server),
        source,
        "-lmodbus",
        cwd=workshop.home,
        time_s=C_TIME_S,
    )


def _run(*command: str, cwd: Path, time_s: float) -> None:
    """Run a tool to its end.

    Raises:
        MissingError: It failed or took too long; with the last line of what it said.
    """
    try:
        done = subprocess.run(
            command, cwd=cwd, capture_output=True, text=True, timeout=time_s, stdin=subprocess.DEVNULL, check=False
        )
    except subprocess.TimeoutExpired:
        raise MissingError(f"{Path(command[0]).name} took longer than {time_s:.0f} s") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["nothing"]
        raise MissingError(f"{Path(command[0]).name} ended with {done.returncode} and said: {said[-1]}")
