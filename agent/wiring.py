"""Where everything is put together: from a plant file to the parts that a role or a command is made of.

Decides which parts those are, and imports them only for whoever needs them: collect never loads a broker or a key, publish never
loads a protocol. Never decides anything else, and runs nothing: `agent.roles` does.
"""

import os
import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from agent import VERSION
from agent.clock import system_clock
from agent.core.pulse import Pulse
from buffer.record import LeftOut
from config.address import Address, AddressError, Scheme
from config.errors import ConfigError, Problem
from config.model import Asset, CollectSection, Plant

if TYPE_CHECKING:
    from agent.collect.role import Target
    from agent.core.asset import AssetState
    from agent.core.moment import Moment
    from agent.core.vitals import Vitals
    from agent.publish.mqtt import Broker
    from agent.publish.role import Publisher
    from buffer.outbox import Outbox
    from buffer.view import JournalView
    from evidence.keys import PublicKey
    from evidence.kinds import ChainStart
    from protocols.contract import Ask, Reader, Transport


MOST_STATES = 100_000
MOST_STATE_BYTES = 67_108_864
"""Of the states that a command shows: as much as the whole journal holds by default."""


class Places:
    """The files of one gateway, all below its state directory.

    Each role writes in its own folder. `publish` is closed to everyone else, so what collect reads of it lies in `handover`.
    """

    def __init__(self, plant: Plant) -> None:
        state = plant.gateway.state_dir
        self.collect = state / "collect"
        self.publish = state / "publish"
        self.journal = self.collect / "journal.db"
        self.pki = self.collect / "opcua"
        self.outbox = self.publish / "outbox.db"
        self.watermark = state / "handover" / "watermark"


def publisher(plant: Plant, outbox: "Outbox", pulse: Pulse, vitals: "Callable[[Moment], Vitals]") -> "Publisher":
    """Return what publishes: whoever signs, what waits, and where it goes.

    Raises:
        EvidenceError: There is no key that may sign, or the receiver's cannot be read.
        OSError: The outbox could not be written.
    """
    from uuid import uuid4

    from agent.keys.ring import key_file, open_ring, take_over
    from agent.publish.fold import Author
    from agent.publish.handover import hand_over
    from agent.publish.neighbour import neighbour
    from agent.publish.role import Publisher, Topics
    from agent.publish.signers import expected
    from agent.publish.spool import Spool
    from evidence import topics

    places, clock = Places(plant), system_clock()
    now = clock()
    site, gateway, prefix = plant.plant.id, plant.gateway.id, plant.broker.topic_prefix
    key = key_file(plant, os.environ)
    ring = open_ring(key, expected(outbox))
    author = Author(
        issuer=topics.issuer(site, gateway),
        audience=topics.audience(plant.receiver.id if plant.receiver else "central"),
        signer=ring.signer,
    )
    begin = _chain_start(plant, at=now.text)
    spool = Spool(outbox, places.journal, places.watermark, author=author, begin=begin, epoch=str(uuid4()), now=now)
    if ring.heir:
        author = hand_over(spool, author, ring.heir, now)
        if author.signer is ring.heir:
            take_over(key, ring.signer.kid)
    return Publisher(
        spool,
        author,
        _broker(plant),
        Topics(**topics.of_gateway(prefix, site, gateway)),
        receiver=receiver_key(plant),
        agent_version=VERSION,
        clock=clock,
        chance=random.Random(),  # noqa: S311  # spreads reconnects; guards nothing
        pulse=pulse,
        vitals=vitals,
        neighbour=neighbour(plant.gateway.state_dir, now),
    )


def receiver_key(plant: Plant) -> "PublicKey | None":
    """Return the key of the one whose receipts and requests count, if there is one.

    Raises:
        EvidenceError: It cannot be read.
    """
    from evidence.keys import load_public

    return load_public(plant.receiver.key_file) if plant.receiver else None


def _chain_start(plant: Plant, *, at: str) -> "ChainStart":
    """Return what the first chain of a gateway begins with."""
    from evidence.kinds import ChainStart, StartReason

    reason = StartReason.FIRST_BOOT
    return ChainStart(reason=reason, plant=plant.plant.id, gateway=plant.gateway.id, agent_version=VERSION, previous=None, at=at)


def _broker(plant: Plant) -> "Broker":
    """Where to connect. The client id names plant and gateway: two plants may each have a `gw-1` at one broker."""
    from agent.publish.mqtt import Broker

    section, address = plant.broker, plant.broker.address
    return Broker(
        host=address.host,
        port=address.port,
        tls=address.tls,
        client_id=f"{plant.plant.id}:{plant.gateway.id}",
        ca_file=section.ca_file,
        certificate_file=section.certificate_file,
        key_file=section.key_file,
        username_file=section.username_file,
    )


def target(asset: Asset, settings: CollectSection) -> "Target":
    """Give an asset of the plant file the form in which collect asks for it."""
    from agent.collect.role import Target
    from agent.core.observation import Register

    return Target(
        asset_id=asset.id,
        address=str(asset.address),
        register=Register(role=asset.role, criticality=asset.criticality, location=asset.location, register_id=asset.register_id),
        ask=replace(
            ask(asset.address, settings, profile=asset.profile, security=asset.security),
            deprecated_policies=asset.deprecated_policies,
            username_file=str(asset.username_file or ""),
            user_certificate_file=str(asset.user_certificate_file or ""),
            user_key_file=str(asset.user_key_file or ""),
        ),
    )


def ask(address: Address, settings: CollectSection, *, profile: str = "", security: str = "none") -> "Ask":
    """Give an address the form in which a reader is asked, with the plant's limits for its kind."""
    from protocols.contract import Ask, Endpoint, Limits, Security, Transport

    direct = address.scheme in {Scheme.MODBUS_TCP, Scheme.OPC_UA}
    opc_ua = address.scheme is Scheme.OPC_UA
    return Ask(
        endpoint=Endpoint(
            transport=Transport(address.scheme.value),
            host=address.host,
            port=address.port,
            unit=address.unit,
            path=address.path,
            baud=address.baud,
            parity=address.parity,
        ),
        limits=Limits(
            connect_timeout_s=settings.connect_timeout_s,
            response_timeout_s=settings.response_timeout_s if direct else settings.serial_response_timeout_s,
            gap_s=settings.gap_ms / 1000,
            max_requests=settings.max_opcua_requests if opc_ua else settings.max_requests,
            visit_s=settings.visit_s,
        ),
        profile=profile,
        security=Security(security),
    )


def readers(pki: Path) -> "Mapping[Transport, Reader]":
    """Return a reader for each transport. Reading OPC UA costs memory only while a visit runs, in its own process."""
    from agent.site import profiles
    from protocols.contract import Transport
    from protocols.modbus.reader import ModbusReader
    from protocols.opcua.reader import OpcUaReader

    modbus = ModbusReader(profiles())
    opcua = OpcUaReader(pki)
    return {
        Transport.MODBUS_TCP: modbus,
        Transport.MODBUS_RTU: modbus,
        Transport.MODBUS_RTU_TCP: modbus,
        Transport.OPC_UA: opcua,
    }


def parse_address(text: str) -> Address:
    """Read an address from the command line.

    Raises:
        ConfigError: It is none.
    """
    try:
        return Address.parse(text)
    except AddressError as error:
        raise ConfigError([Problem(place="", what=error.what, suggestion=error.suggestion)], text) from error


def asset_states(plant: Plant) -> "dict[str, AssetState]":
    """Read what collect knows of each asset, from its journal; one of which nothing can be read is left out.

    Raises:
        OSError: collect has not run yet, or its journal cannot be read, or not as a whole.
    """
    from agent.core.asset import AssetState
    from agent.core.decoding import read_all
    from buffer.errors import SpoolError
    from buffer.view import JournalView

    journal = Places(plant).journal
    try:
        with JournalView.open(journal) as view:
            return read_all(bodies(view)["asset"], AssetState)
    except SpoolError as error:
        raise OSError(f"{journal}: {error}") from error


def bodies(view: "JournalView") -> "defaultdict[str, dict[str, bytes]]":
    """Return the newest state of each kind and subject, for a command that shows them.

    Raises:
        SpoolError: As `JournalView.states` does.
        OSError: There are more than are shown: a list that is not whole must not look like one that is.
    """
    found: defaultdict[str, dict[str, bytes]] = defaultdict(dict)
    for state in view.states(max_records=MOST_STATES, max_bytes=MOST_STATE_BYTES):
        if isinstance(state, LeftOut):
            raise OSError(state.reason)
        found[state.kind][state.subject] = state.body
    return found
