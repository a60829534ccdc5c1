"""One visit to a device, written down without what is the plant's own.

Decides nothing but the order of its steps: look, redact, replay. Never hands out a byte of a device that did not pass the
redaction.
"""

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime

from agent import wiring
from agent.record.recording import Exchange, Recording, recording
from agent.record.redact import redact
from config.address import Address
from config.model import CollectSection
from protocols.contract import Answer, Outcome
from protocols.modbus.reader import ModbusReader
from protocols.profile_form import Profile


class NothingToRecordError(Exception):
    """The device told no nameplate, or cannot be recorded."""


def record(address: Address, profile: Profile | None) -> Recording:
    """Look at one device and return its recording.

    Args:
        address: Of a Modbus device.
        profile: To read it with, or None for its own identification.

    Raises:
        NothingToRecordError: It told no nameplate, or cannot be recorded.
        RedactionError: Its serial number cannot be taken out.
    """
    if not address.scheme.is_modbus:
        raise NothingToRecordError(f"{address.scheme} cannot be recorded yet; only Modbus can.")
    answer, exchanges = asyncio.run(_overheard(address, profile))
    if answer.outcome is not Outcome.IDENTIFIED:
        raise NothingToRecordError(f"{address}: {answer.outcome}. {answer.detail} There is nothing to record.")
    kept, redacted = redact(exchanges, profile)
    day = datetime.now(UTC).date().isoformat()
    return recording(kept, profile, transport=address.scheme.value, day=day, redacted=redacted)


async def _overheard(address: Address, profile: Profile | None) -> tuple[Answer, list[Exchange]]:
    """One visit with the limits of a plant file that says nothing about them."""
    exchanges: list[Exchange] = []
    known = {profile.id: profile} if profile else {}
    reader = ModbusReader(known, overheard=lambda request, answer: exchanges.append((request.hex(), answer.hex())))
    ask = wiring.ask(address, CollectSection(), profile=profile.id if profile else "")
    async with aclosing(reader.visit([ask])) as answers:
        return await anext(answers), exchanges
