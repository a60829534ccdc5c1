"""The page that a plant signs says what the guards enforce, today."""

from devtools.page import ROOT, main
from devtools.read_only import PAGE, page
from protocols.modbus.guard import ALLOWED_FUNCTIONS
from protocols.opcua.guard import ALLOWED_SERVICES


def test_committed_page_is_what_the_program_enforces() -> None:
    assert (ROOT / PAGE).read_text("utf-8") == page(), "run: python -m devtools.read_only"


def test_every_function_code_and_every_service_is_on_the_page() -> None:
    text = page()
    assert all(f"| {int(code)} (0x{code:02X}) |" in text for code in ALLOWED_FUNCTIONS)
    assert all(f"| {name} |" in text for name in ALLOWED_SERVICES.values())


def test_no_word_of_a_write_is_among_the_requests() -> None:
    requests = page().partition("## How this is enforced")[0].partition("## Modbus")[2]
    assert "rite" not in requests and "all (" not in requests


def test_check_fails_for_a_page_that_has_drifted() -> None:
    assert main(PAGE, page(), ["--check"]) == 0
    assert main(PAGE, page() + "and more\n", ["--check"]) == 1
