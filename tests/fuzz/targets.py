"""What is fuzzed, each with its invariant: any bytes become readings or MalformedError, never another error.

A target takes bytes and returns, or raises what must never be raised. `python -m tests.fuzz` drives the targets with atheris;
`test_targets` drives them with their seeds and a little chance, so that no target can rot.
"""

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from struct import pack

from protocols.contract import Answer
from protocols.encoding import Encoding, Kind, Order, decode, problems
from protocols.errors import MalformedError
from protocols.modbus.dialogue import Dialogue, Result, hold
from protocols.modbus.frames import RTU, TCP, Framing
from protocols.modbus.guard import check_pdu
from protocols.modbus.identification import Learned, identify
from protocols.modbus.nameplate import from_identification, from_profile
from protocols.modbus.readout import PIECES, read_out
from protocols.profile import ProfileError, bundled, parse
from protocols.profile_form import ConnectRisk

Target = Callable[[bytes], None]

PROFILES = [profile for _, profile in sorted(bundled().items()) if profile.connect_risk is not ConnectRisk.DENY]
GOLDEN = Path(__file__).parents[1] / "protocols/modbus/golden"
SHIPPED = Path(__file__).parents[2] / "protocols/profiles"
MAX_CHARS = 256


def frames(data: bytes) -> None:
    """Any bytes are frames, not yet one, or MalformedError, whole and byte by byte; over TCP both are the same frames."""
    single = [data[at : at + 1] for at in range(len(data))]
    assert _frames(TCP, [data]) == _frames(TCP, single)
    for chunks in ([data], single):
        _frames(RTU, chunks)
    RTU.salvage(data)


def identification(data: bytes) -> None:
    """Any answers become an identification within the budget, and every question is a read."""
    learned = [lesson for bit, lesson in enumerate(Learned) if data[:1] and data[0] >> bit & 1]
    _judge(from_identification(_held(identify(learned), data[1:]), None))


def profiles(data: bytes) -> None:
    """Any answers to any profile become a readout within the budget, and nothing is believed without its match."""
    profile = PROFILES[data[0] % len(PROFILES)] if data else PROFILES[0]
    lessons = (f"base={profile.bases[-1]}", f"block={len(data)}", f"next={3 * len(data)}", PIECES)
    learned = lessons[: data[1] % 5 if len(data) > 1 else 0]
    readout = _held(read_out(profile, learned), data[2:])
    answer = from_profile(profile, readout, None)
    assert readout.matched or not (answer.facts or answer.children)
    _judge(answer)


def encodings(data: bytes) -> None:
    """Any bytes under any sound encoding become clean, bounded text."""
    if len(data) < 2:
        return
    kind, order = list(Kind)[data[0] % len(Kind)], list(Order)[data[1] % len(Order)]
    encoding = Encoding(kind=kind, order=order)
    if not list(problems(encoding, len(data) - 2)):
        text = decode(data[2:], encoding)
        assert len(text) <= MAX_CHARS and text == text.strip() and text.isprintable()


def profile_files(data: bytes) -> None:
    """Any text is a profile whose every question is a read of the allow-list, or ProfileError."""
    try:
        profile = parse("fuzzed", data.decode("utf-8", "replace"))
    except ProfileError:
        return
    for base in profile.bases:
        for read in profile.reads:
            check_pdu(pack(">BHH", read.fc, base + read.addr, read.count))


def seeds(name: str) -> Iterator[bytes]:
    """Yield inputs to begin with: what is shipped, in the form that the target takes."""
    if name == "profile_files":
        yield from (file.read_bytes() for file in sorted(SHIPPED.glob("*.toml")))
        return
    for number, profile in enumerate(PROFILES):
        exchange = tomllib.loads((GOLDEN / f"{profile.id}.toml").read_text("utf-8"))["exchange"]
        answers = [bytes.fromhex(answer) for answer in exchange.values()]
        packed = b"".join(bytes((len(answer),)) + answer for answer in answers)
        match name:
            case "frames":
                yield from (pack(">HHHB", 1, 0, len(answer) + 1, 1) + answer for answer in answers)
                yield from (RTU.encode(answer, 1, 0) for answer in answers)
            case "profiles":
                yield bytes((number, 0)) + packed
            case "encodings":
                yield from (bytes((at, 0)) + answers[0][2:] for at in range(len(Kind)))
            case _:
                yield b"\0" + packed


TARGETS: dict[str, Target] = {target.__name__: target for target in (frames, identification, profiles, encodings, profile_files)}


def _frames(framing: Framing, chunks: list[bytes]) -> list[bytes | str]:
    """Take frames as the pipe does: off the front, as soon as they are whole."""
    found: list[bytes | str] = []
    buffer = b""
    for chunk in chunks:
        buffer += chunk
        try:
            while (frame := framing.decode(buffer)) is not None:
                assert 0 < frame.size_bytes <= len(buffer) and frame.pdu
                found.append(frame.pdu)
                buffer = buffer[frame.size_bytes :]
        except MalformedError:
            return [*found, "malformed"]
    return found


def _held(dialogue: Dialogue[Result], data: bytes) -> Result:
    """Drive a dialogue with answers cut out of bytes: a length, and as many bytes."""
    asked = 0

    def exchange(request: bytes) -> bytes:
        nonlocal data, asked
        check_pdu(request)
        asked += 1
        size = data[0] if data else 0
        answer, data = data[1 : 1 + size], data[1 + size :]
        return answer

    result = hold(dialogue, exchange)
    assert asked <= 6
    return result


def _judge(answer: Answer) -> None:
    everything = [*answer.facts, *(fact for child in answer.children for fact in child.facts)]
    assert all(fact.value and len(fact.value) <= MAX_CHARS and fact.value.isprintable() for fact in everything)
    assert answer.detail and bool(answer.facts) == (answer.outcome == "identified")
