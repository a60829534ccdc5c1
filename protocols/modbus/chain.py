"""Further devices behind one unit, found by following a chain of blocks, each with its id and length in front (SunSpec).

Decides which block is looked at next, and remembers the way: the first visits follow the chain as far as their budget goes,
later ones go straight to the blocks that hold a nameplate. Must never believe a remembered place whose id is another one now,
never go backwards, never spend more than the visit has, and never be led to a register whose reading has an effect: where the
chain goes, the device says.

Source: SunSpec Alliance, Device Information Model Specification: model id, length, 0xFFFF at the end.
"""

import re
from collections.abc import Collection, Generator, Mapping

from protocols.contract import Child
from protocols.modbus.meaning import Seen, facts
from protocols.modbus.registers import NO_SUCH_REGISTER, Asking, ask
from protocols.profile_form import Chain, Profile, Read
from protocols.profile_rules import RESERVED

END = "chain-end"
_BLOCK, _NEXT = "block", "next"
_LESSON = re.compile(r"(block|next)=(0|[1-9][0-9]{0,4})")
HEADER_REGISTERS = 2
LAST_REGISTER = 0xFFFF

Walk = Generator[bytes, bytes, tuple[tuple[Child, ...], tuple[str, ...]]]


def walk(profile: Profile, chain: Chain, first: Seen, learned: Collection[str], asking: Asking) -> Walk:
    """Look at the blocks that are known, then follow the chain with what is left of the budget.

    Args:
        profile: The profile that the first block matched.
        chain: Its chain.
        first: The first block, read already.
        learned: What earlier visits learned of this chain.
        asking: Budget and refusals of this visit.

    Returns:
        The further devices, and what the next visit need not find out again.
    """
    blocks, at = _known(learned)
    children: list[Child] = []
    for address in blocks:
        children += yield from _device(profile, chain, first, address, asking)
    if END in learned:
        return tuple(children), (*_lessons(blocks), END)
    at = _after(chain, first) if at is None else at
    while at is not None and not asking.over:
        header = yield from ask(Read(fc=profile.reads[0].fc, addr=at, count=HEADER_REGISTERS), 0, asking)
        if not header:
            if not asking.remarks and asking.refusal in NO_SUCH_REGISTER:
                at = None  # a register that is not there ends the chain, too
            break
        if (model := _word(header, at)) == chain.model:
            blocks.append(at)
            children += yield from _device(profile, chain, first, at, asking)
        at = None if model == chain.end else _beyond(at, _word(header, at + 1))
    way_on = (END,) if at is None else (f"{_NEXT}={at}",)
    return tuple(children), (*_lessons(blocks), *way_on)


def _device(profile: Profile, chain: Chain, first: Seen, address: int, asking: Asking) -> Generator[bytes, bytes, list[Child]]:
    """Read one block as the first one was read, and make a device of it if it still is one."""
    if asking.over:
        return []
    base, count = address - chain.start, max(first.registers) - chain.start + 1
    if not _may_be_read(address, count):
        return []
    read = Read(fc=profile.reads[0].fc, addr=chain.start, count=count)
    registers = yield from ask(read, base, asking)
    if not registers or _word(registers, chain.start) != chain.model:
        return []
    found = facts(profile, Seen(registers=registers, base=base))
    return [Child(key=f"register {address}", facts=found)] if found else []


def _may_be_read(address: int, count: int) -> bool:
    return address + count <= LAST_REGISTER + 1 and RESERVED.keys().isdisjoint(range(address, address + count))


def _after(chain: Chain, first: Seen) -> int | None:
    """Return where the second block begins."""
    return _beyond(first.base + chain.start, _word(first.registers, chain.start + 1))


def _beyond(address: int, length: int) -> int | None:
    """Return where the block behind this one begins, or None where none may be looked for."""
    following = address + HEADER_REGISTERS + length
    return following if _may_be_read(following, HEADER_REGISTERS) else None


def _word(registers: Mapping[int, bytes], address: int) -> int:
    """Return one register as a number; 0 if it was not read."""
    return int.from_bytes(registers.get(address, b""), "big")


def _known(learned: Collection[str]) -> tuple[list[int], int | None]:
    """Return the blocks that earlier visits found, and where they stopped."""
    lessons = [found for word in learned if (found := _LESSON.fullmatch(word))]
    blocks = sorted({int(found[2]) for found in lessons if found[1] == _BLOCK})
    stops = [int(found[2]) for found in lessons if found[1] == _NEXT and _may_be_read(int(found[2]), HEADER_REGISTERS)]
    return blocks, max(stops, default=None)


def _lessons(blocks: Collection[int]) -> tuple[str, ...]:
    return tuple(f"{_BLOCK}={address}" for address in blocks)
