"""What could harm or mislead is refused, with every reason, before any device is asked."""

import pytest

from protocols.profile import ProfileError, bundled, parse
from protocols.profile_rules import risk_problem, unusual
from tests.protocols.test_profile import SOUND

IDENTIFICATION = """
id = "acme"
version = 1
vendor = "ACME"
devices = "all"
doc = "manual p. 7"
confidence = "medium"
[identification]
access = 4
objects = [0, 1]
[[match]]
object = 0
kind = "text"
starts_with = "ACME"
[[field]]
name = "serial_number"
object = 1
kind = "text"
"""


def problems_of(text: str) -> str:
    with pytest.raises(ProfileError) as caught:
        parse("acme.toml", text)
    return "; ".join(caught.value.problems)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("fc = 3", "fc = 6", "function code 6 is not a read"),
        ("fc = 3", "fc = 23", "function code 23 is not a read"),
        ("count = 4", "count = 126", "1 to 125"),
        ("count = 4", "count = 0", "1 to 125"),
        ("addr = 100\ncount", "addr = 65533\ncount", "outside of registers"),
        ("addr = 100\ncount", "addr = -1\ncount", "outside of registers"),
        ('[[match]]\naddr = 100\nequals = "42"', "", "no match rule"),
        ('equals = "42"', "", "exactly one of"),
        ('equals = "42"', 'equals = "42"\nstarts_with = "4"', "exactly one of"),
        ("addr = 101", "addr = 103", "are not read"),
        ("regs = 2", "regs = 5", "are not read"),
        ("regs = 2", "regs = 0", "are not read"),
        ('kind = "number"', 'kind = "number"\nformat = "{0}"', "number has none"),
        ('kind = "number"', 'format = "{2}"', "no number {2}"),
        ('kind = "number"', 'format = "{0.__class__}"', "no number"),
        ('kind = "number"', 'format = "{0!r}"', "no number"),
        ('kind = "number"', 'format = "{}"', "no number"),
        ('kind = "number"', 'format = "{0:999999d}"', "is none of"),
        ('kind = "number"', 'format = "{0:{1}}"', "is none of"),
        ('kind = "number"', 'format = "{0"', "format:"),
        ('vendor = "ACME"', "", "the manufacturer comes from"),
        ('doc = "manual p. 7"', 'doc = ""', "doc must name"),
        ('confidence = "high"', 'confidence = "high"\nconnect_risk = "opt-in"', "needs a caution"),
        ("[[match]]", "[[read]]\nfc = 4\naddr = 103\ncount = 1\n[[match]]", "overlap"),
        ('confidence = "high"', 'confidence = "total"', "confidence"),
        ('kind = "number"', 'kind = "number"\nscale = 10', "scale"),
        ("addr = 100\ncount", "addr = 0x1026\ncount", "0x1027 is never read"),
        ("addr = 100\ncount", "addr = 0x203E\ncount", "0x2040 is never read"),
        ("addr = 100\ncount", "addr = 0x113C\ncount", "0x113C is never read"),
        ("doc =", "bases = [0, 0x0FC3]\ndoc =", "0x1027 is never read"),
        ("doc =", "bases = []\ndoc =", "bases are"),
        ("doc =", "bases = [5, 5]\ndoc =", "bases are"),
        ("doc =", "bases = [0, 1, 2, 3, 4, 5, 6]\ndoc =", "1 to 6 requests"),
        ('id = "acme"', 'id = "../acme"', "id is"),
        ("doc =", "unit = 300\ndoc =", "unit is"),
        ("doc =", "port = 0\ndoc =", "port"),
        ("doc =", "server_id = true\ndoc =", "exactly one of [[read]]"),
        ("[[read]]\nfc = 3\naddr = 100\ncount = 4\n", "", "exactly one of [[read]]"),
        ("doc =", 'connect_risk = "deny"\ncaution = "x"\ndoc =', "nothing to read"),
        ('equals = "42"', 'one_of = ["42", ""]', "with nothing in it"),
        ('equals = "42"', 'shape = "(a+)+"', "shape is"),
        ('equals = "42"', 'shape = "[0-9]{1,5}[0-9]{1,5}"', "shape is"),
        ('equals = "42"', 'shape = "[0-9]{1,5}"', "too little for high confidence"),
        ("addr = 101", "at = 3", "at and size belong"),
        ("addr = 101", "object = 3", "object belongs"),
        ("addr = 101", "addr = 101\nobject = 3", "exactly one of addr"),
        ("regs = 2", 'regs = 2\nabsent = ["ffff"]', "is not 4 bytes"),
        ("regs = 2", 'regs = 2\nabsent = ["FFFFFFFF"]', "is not 4 bytes"),
        ("regs = 2", "regs = 2\ndivisor = 7", "divisor is"),
        ('kind = "number"', 'kind = "words"\ndivisor = 10', "divisor is"),
        ("regs = 2", 'regs = 2\npart = "1"', "part is for text"),
        ('regs = 2\nkind = "number"', 'regs = 1\nkind = "float"', "a float has"),
        ('regs = 2\nkind = "number"', 'regs = 3\nkind = "float"', "a float has"),
        ("[[match]]", "[chain]\nstart = 9\nmodel = 1\n[[match]]", "chain: needs"),
        ("[[match]]", "[chain]\nstart = 100\nmodel = 1\n[[match]]", "chain: the fields"),
        ("[[match]]", "[chain]\nstart = 100\nmodel = 65535\n[[match]]", "chain: model"),
    ],
)
def test_unsound_profile_is_refused_with_the_reason(old: str, new: str, problem: str) -> None:
    assert old in SOUND
    assert problem in problems_of(SOUND.replace(old, new, 1))


def test_all_problems_are_listed_at_once() -> None:
    text = SOUND.replace("fc = 3", "fc = 16").replace("count = 4", "count = 200").replace('equals = "42"', "")
    assert {"16", "200", "exactly"} <= set(problems_of(text).replace(";", " ").split())


def test_more_reads_than_a_visit_may_have_are_refused() -> None:
    more = "".join(f"[[read]]\nfc = 3\naddr = {addr}\ncount = 1\n" for addr in range(200, 206))
    assert "7 reads" in problems_of(SOUND + more)


PIECES = SOUND + "".join(f"[[piece]]\nfc = 3\naddr = {addr}\ncount = {count}\n" for addr, count in ((100, 1), (101, 2)))


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("[[piece]]\nfc = 3", "[[piece]]\nfc = 4", "parts of one read"),
        ("[[piece]]\nfc = 3", "[[piece]]\nfc = 6", "function code 6 is not a read"),
        ("addr = 101\ncount = 2", "addr = 103\ncount = 2", "parts of one read"),
        ("addr = 101\ncount = 2", "addr = 101\ncount = 999999999999", "parts of one read"),
        ("addr = 101\ncount = 2", "addr = 100\ncount = 3", "overlap"),
        ("addr = 101\ncount = 2", "addr = 101\ncount = 1", "each field stands in one piece"),
        ("addr = 100\ncount = 1", "addr = 103\ncount = 1", "the first one holds every match"),
        ("[[match]]", "[[read]]\nfc = 3\naddr = 200\ncount = 1\n[[match]]", "parts of one read"),
    ],
)
def test_unsound_pieces_are_refused_with_the_reason(old: str, new: str, problem: str) -> None:
    parse("acme.toml", PIECES)
    assert old in PIECES
    assert problem in problems_of(PIECES.replace(old, new, 1))


def test_more_pieces_than_a_visit_has_left_are_refused() -> None:
    more = "".join(f"[[piece]]\nfc = 3\naddr = {addr}\ncount = 1\n" for addr in (103, 103, 103, 103))
    assert "6 after the read" in problems_of(PIECES + more)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("access = 4", "access = 5", "none of 0 to 4"),
        ("access = 4", "access = 2", "access 4, and no other"),
        ("objects = [0, 1]", "objects = []", "access 4, and no other"),
        ("objects = [0, 1]", "objects = [0, 1, 2, 3, 4, 5, 6]", "access 4, and no other"),
        ("objects = [0, 1]", "objects = [0, 256]", "0 to 255"),
        ("object = 1", "object = 256", "0 to 255"),
        ('object = 1\nkind = "text"', "object = 1", "needs a value of a known size"),
        ('object = 1\nkind = "text"', 'object = 1\nkind = "number"', "needs a value of a known size"),
        ('object = 1\nkind = "text"', "addr = 1", "are not read"),
    ],
)
def test_unsound_identification_is_refused_with_the_reason(old: str, new: str, problem: str) -> None:
    parse("acme.toml", IDENTIFICATION)
    assert old in IDENTIFICATION
    assert problem in problems_of(IDENTIFICATION.replace(old, new, 1))


def test_a_device_without_risk_may_be_asked() -> None:
    assert risk_problem(bundled()["sunspec"], accepted=False) is None


def test_a_device_with_side_effects_is_asked_only_where_they_are_accepted() -> None:
    wago = bundled()["wago-750"]
    assert "watchdog" in (risk_problem(wago, accepted=False) or "")
    assert risk_problem(wago, accepted=True) is None


def test_a_device_that_faults_when_its_client_leaves_is_never_asked() -> None:
    assert "never asked" in (risk_problem(bundled()["vacon-100"], accepted=True) or "")


@pytest.mark.parametrize(
    ("unit", "port", "note"), [(71, 1502, None), (71, 0, None), (1, 1502, "unit id 71"), (71, 502, "port 1502")]
)
def test_an_address_that_such_devices_seldom_have_is_worth_a_note(unit: int, port: int, note: str | None) -> None:
    said = unusual(bundled()["kostal-plenticore"], unit=unit, port=port)
    assert (said is None) if note is None else (note in (said or ""))
