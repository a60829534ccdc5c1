"""What a role does without: gone while its libraries load, back afterwards, and never a reason not to start."""

import subprocess
import sys

import pytest

from agent.lean import SPARED

AFTER = """
import sys
from agent.lean import spare
spare(sys.argv[1])
print(*sorted(name for name in sys.modules if name in sys.argv[2:]))
"""


def run(code: str, *words: str) -> list[str]:
    done = subprocess.run([sys.executable, "-I", "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("role", sorted(SPARED))
def test_a_role_has_its_libraries_and_not_what_it_does_without(role: str) -> None:
    spared = SPARED[role]
    libraries = sorted({library for one in spared for library in (one.absent_for, one.hollow_for) if library})
    assert run(AFTER, role, *libraries, *(one.name for one in spared)) == libraries


def test_a_command_that_is_no_role_loads_nothing() -> None:
    assert run(AFTER, "probe", "asyncio", "msgspec", "pymodbus") == []


def test_every_name_means_again_what_it_meant() -> None:
    code = AFTER + "import ssl, typing_extensions, urllib.request; ssl.create_default_context(), urllib.request.urlopen"
    assert run(code, "collect") == run(code, "publish") == []


def test_a_module_that_is_there_already_is_left_alone() -> None:
    assert run("import ssl\n" + AFTER + "print(ssl.SSLContext.__name__)", "collect", "ssl") == ["ssl", "SSLContext"]


def test_a_library_that_needs_more_of_a_module_than_its_name_gets_the_whole_one() -> None:
    code = "from agent.lean import _import; from types import ModuleType; import sys\n"
    code += "_import('http.client', 'email.message', ModuleType('email.message'))\n"  # it makes a class of a class in there
    code += "print('http.client' in sys.modules)\nimport http.client; print(http.client.HTTPMessage.__mro__[1].__name__)"
    assert run(code) == ["False", "Message"]
