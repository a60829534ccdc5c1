"""Profiles: what is shipped works to the byte, and a bad file of a site takes no other with it."""

import os
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from protocols.contract import Fact
from protocols.modbus.dialogue import hold
from protocols.modbus.guard import check_pdu
from protocols.modbus.meaning import facts
from protocols.modbus.readout import Readout, read_out
from protocols.profile import MAX_FILE_BYTES, SHIPPED, Bundled, ProfileError, bundled, check, load_dir, load_file, parse
from protocols.profile_form import ConnectRisk, Profile
from protocols.profile_rules import RESERVED

SOUND = """
id = "acme"
version = 1
vendor = "ACME"
devices = "all"
doc = "manual p. 7"
confidence = "high"
[[read]]
fc = 3
addr = 100
count = 4
[[match]]
addr = 100
equals = "42"
[[field]]
name = "serial_number"
addr = 101
regs = 2
kind = "number"
"""


# Written down from the documents that the profiles name: request -> response, and the nameplate that must come out.
GOLDEN = {file.stem: tomllib.loads(file.read_text("utf-8")) for file in (Path(__file__).parent / "modbus/golden").glob("*.toml")}
ASKED = {name: profile for name, profile in bundled().items() if profile.connect_risk is not ConnectRisk.DENY}


def plate(found: tuple[Fact, ...]) -> dict[str, str]:
    return {str(fact.field): fact.value for fact in found}


def replay(profile: Profile, golden: dict[str, Any]) -> tuple[Readout, list[str]]:
    asked: list[str] = []

    def exchange(request: bytes) -> bytes:
        check_pdu(request)
        asked.append(request.hex())
        return bytes.fromhex(golden["exchange"][request.hex()])

    return hold(read_out(profile), exchange), asked


def filled_with(byte: bytes, request: bytes) -> bytes:
    """Every register, every object and every server id full of one byte."""
    match request[0]:
        case 0x11:
            return b"\x11\x1e" + 30 * byte
        case 0x2B:
            return b"\x2b\x0e" + request[2:3] + b"\x01\0\0\x01" + request[3:] + b"\x08" + 8 * byte
        case _:
            return bytes((request[0], 2 * request[4])) + 2 * request[4] * byte


def test_every_shipped_profile_that_asks_has_a_golden_exchange() -> None:
    assert set(ASKED) == set(GOLDEN)


def test_at_least_fifty_families_are_shipped() -> None:
    assert len(bundled()) >= 50


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_golden_exchange_becomes_its_nameplate(name: str) -> None:
    readout, asked = replay(ASKED[name], GOLDEN[name])
    assert readout.matched and plate(facts(ASKED[name], readout.seen)) == GOLDEN[name]["nameplate"]
    assert {child.key: plate(child.facts) for child in readout.children} == GOLDEN[name].get("children", {})
    assert sorted(asked) == sorted(GOLDEN[name]["exchange"]) and readout.requests == len(asked) <= 6


@pytest.mark.parametrize("byte", [b"\0", b"\xff", b" "], ids=["zeros", "ones", "blanks"])
@pytest.mark.parametrize("name", sorted(ASKED))
def test_shipped_profile_does_not_believe_a_device_full_of_one_byte(name: str, byte: bytes) -> None:
    profile = ASKED[name]
    readout = hold(read_out(profile), lambda request: filled_with(byte, request))
    assert not readout.matched
    assert readout.requests <= len(profile.bases) + len(profile.reads)


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_shipped_profile_does_not_believe_the_devices_of_another_family(name: str) -> None:
    """A device answers what its own golden exchange has, and has no other register."""
    believed = set()
    for other, golden in GOLDEN.items():
        device = {request: bytes.fromhex(answer) for request, answer in golden["exchange"].items()}
        readout = hold(
            read_out(ASKED[name]), lambda request, device=device: device.get(request.hex(), bytes((request[0] | 0x80, 2)))
        )
        believed |= {other} if readout.matched else set()
    assert believed == {name}


@pytest.mark.parametrize("name", sorted(ASKED))
def test_no_reserved_register_is_read_at_any_base(name: str) -> None:
    profile = ASKED[name]
    read = {base + register for base in profile.bases for each in profile.reads for register in each.registers}
    assert read.isdisjoint(RESERVED)


def test_a_family_that_must_be_left_alone_has_nothing_to_ask() -> None:
    denied = [profile for profile in bundled().values() if profile.connect_risk is ConnectRisk.DENY]
    assert denied and all(not profile.reads and profile.caution for profile in denied)


def test_shipped_files_are_named_as_their_profiles() -> None:
    assert all(name == profile.id for name, profile in bundled().items())


def test_a_profile_is_read_when_it_is_asked_for_and_not_before() -> None:
    fresh = Bundled(SHIPPED)
    assert "wago-750" in fresh and len(fresh) == len(bundled()) and fresh._read == {}
    assert fresh["wago-750"] is fresh["wago-750"] and list(fresh._read) == ["wago-750"]
    with pytest.raises(KeyError):
        fresh["../../secret"]


def test_sound_profile_is_read_and_survives_json() -> None:
    profile = parse("acme.toml", SOUND)
    assert profile.label == "acme@1"
    assert msgspec.json.decode(msgspec.json.encode(profile), type=type(profile)) == profile


def test_a_folder_that_is_not_there_adds_nothing(tmp_path: Path) -> None:
    assert dict(load_dir(tmp_path / "none").profiles) == dict(bundled())


def test_one_bad_file_takes_no_other_with_it(tmp_path: Path) -> None:
    (tmp_path / "acme.toml").write_text(SOUND)
    (tmp_path / "writer.toml").write_text(SOUND.replace("fc = 3", "fc = 6").replace('"acme"', '"writer"'))
    (tmp_path / "readme.txt").write_text("no profile")
    loaded = load_dir(tmp_path)
    assert set(loaded.profiles) == {*bundled(), "acme"}
    assert list(loaded.problems) == ["writer.toml"] and "not a read" in loaded.problems["writer.toml"][0]


def test_a_name_that_comes_with_the_program_keeps_its_meaning(tmp_path: Path) -> None:
    (tmp_path / "wago-750.toml").write_text(SOUND.replace('"acme"', '"wago-750"'))
    loaded = load_dir(tmp_path)
    assert dict(loaded.profiles) == dict(bundled()) and "choose another name" in loaded.problems["wago-750.toml"][0]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("other.toml", SOUND.encode(), "the same name"),
        ("acme.toml", b"\xff\xfe", "not UTF-8"),
        ("acme.toml", b"# " + b"x" * MAX_FILE_BYTES, "larger than"),
        ("acme.toml", b"a = " + b"[" * 20_000, ""),
        ("acme.toml", b"id = 'acme'", "version"),
        ("acme.toml", b"[[read", "Expected"),
    ],
    ids=["name", "bytes", "size", "depth", "missing", "syntax"],
)
def test_file_that_cannot_be_used_is_refused_with_the_reason(tmp_path: Path, name: str, content: bytes, problem: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ProfileError) as caught:
        load_file(tmp_path / name)
    assert problem in "; ".join(caught.value.problems)


def test_check_says_of_each_file_what_is_wrong_with_it(tmp_path: Path) -> None:
    (tmp_path / "acme.toml").write_text(SOUND)
    (tmp_path / "blind.toml").write_text(SOUND.replace('"acme"', '"blind"').replace('[[match]]\naddr = 100\nequals = "42"', ""))
    (tmp_path / "wago-750.toml").write_text(SOUND.replace('"acme"', '"wago-750"'))
    found = check(tmp_path)
    assert found["acme.toml"] == () and "no match rule" in found["blind.toml"][0] and "another name" in found["wago-750.toml"][0]
    assert check(tmp_path / "acme.toml") == {"acme.toml": ()}
    assert "cannot be read" in check(tmp_path / "none.toml")["none.toml"][0]


def test_a_pipe_among_the_profiles_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "acme.toml")
    (tmp_path / "endless.toml").symlink_to("/dev/zero")
    assert load_dir(tmp_path).problems == {"acme.toml": ("is no file",), "endless.toml": ("is no file",)}


def test_file_that_is_a_folder_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "acme.toml").mkdir()
    assert "is no file" in load_dir(tmp_path).problems["acme.toml"][0]
