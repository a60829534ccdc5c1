"""Each role loads its own parts and none of the other's: seen from inside a process that really started it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.plants import PLANT

BOTH_PROTOCOLS = (
    PLANT
    + """
[[asset]]
id = "mixer-2"
address = "opc.tcp://127.0.0.1:1"
"""
)

INSIDE = """
import os, signal, sys, threading
threading.Timer(1.5, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()
from agent.__main__ import main
code = main()
assert code == 0, code
print(*sorted({name for name in sys.modules if not name.startswith("_")}))
"""

FORBIDDEN = {
    "collect": ("paho", "nacl", "cryptography", "evidence", "agent.publish", "asyncua", "isms", "agent.demo", "ssl", "shutil"),
    "publish": ("protocols", "pymodbus", "asyncua", "cryptography", "agent.collect", "isms", "serial", "agent.demo", "shutil"),
}


@pytest.mark.parametrize("role", sorted(FORBIDDEN))
def test_role_never_loads_what_it_must_not_have(role: str, tmp_path: Path) -> None:
    plant = tmp_path / "plant.toml"
    plant.write_text(BOTH_PROTOCOLS)
    subprocess.run([sys.executable, "-I", "-m", "agent", "key", "init", "--config", plant], check=True, capture_output=True)
    done = subprocess.run(
        [sys.executable, "-I", "-c", INSIDE, role, "--config", plant], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.split()
    assert f"agent.{role}.role" in loaded
    for name in FORBIDDEN[role]:
        assert [module for module in loaded if module == name or module.startswith(f"{name}.")] == []
