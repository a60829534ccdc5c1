"""The form of a profile: where a family of devices keeps its nameplate, and how it must be asked. Maps are data, not code.

Decides the form only. Whether a profile is sound is decided in `protocols.profile_rules`, what its values mean in
`protocols.encoding`, where profiles come from in `protocols.profile`. Never reads a file.

A profile asks in one of three ways, and says which by the table it has: registers (`[[read]]`), device identification in a
form that is not the usual one (`[identification]`), or report server id (`server_id = true`). A family that must be left alone
has none of them (`connect_risk = "deny"`), so that a plant file that names it is told why.

Source: MODBUS Application Protocol Specification V1.1b3, sections 6.3, 6.4, 6.13, 6.21; each profile names its own document.
"""

from enum import StrEnum

import msgspec

from protocols.contract import Confidence, Field
from protocols.encoding import Encoding


class ConnectRisk(StrEnum):
    """What a mere connection, and its end, may do to such a device."""

    NORMAL = "normal"
    OPT_IN = "opt-in"  # side effects are known: only where an operator has accepted them for this asset
    DENY = "deny"  # it may take the end of a connection for the loss of its controller: never asked


class Read(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One request, exactly as it is sent: no read is ever merged, split or widened.

    Attributes:
        fc: Function code, 3 or 4.
        addr: First register, 0-based PDU address (from the base, where there are several), never a 4xxxx reference.
        count: Registers, 1 to 125.
    """

    fc: int
    addr: int
    count: int

    @property
    def registers(self) -> range:
        """The addresses that it reads."""
        return range(self.addr, self.addr + self.count)


class Stream(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Device identification (43/14) in the form that this family wants.

    Attributes:
        access: Read Device ID code: 1 basic, 2 regular, 3 extended, 4 individual; 0 for the few that number from 0.
        first: Object id that a stream begins with.
        objects: Object ids, for access 4.
        devices_from: Where the objects are a list of devices: the object id of the first, which is the one that answers.
    """

    access: int
    first: int = 0
    objects: tuple[int, ...] = ()
    devices_from: int | None = None


class Chain(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A chain of blocks, each with its id and its length in front: further blocks of one id are further devices.

    Attributes:
        start: Address of the first block's id, from the base.
        model: Id of the blocks that hold a nameplate.
        end: Id that ends the chain.
    """

    start: int
    model: int
    end: int = 0xFFFF


class Span(Encoding, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A place in the answers, and how its bytes become a value. Registers may come from several reads.

    Attributes:
        addr: First register, 0-based PDU address (from the base, where there are several).
        regs: How many.
        object: Object id of a device identification, instead of registers.
        at: First byte of a server id, instead of registers.
        size: How many bytes of a server id; 0 for all that follow.
    """

    addr: int | None = None
    regs: int = 1
    object: int | None = None
    at: int | None = None
    size: int = 0

    @property
    def registers(self) -> range:
        """The addresses that it needs; none if it is no place in registers."""
        return range(0) if self.addr is None else range(self.addr, self.addr + self.regs)

    @property
    def place(self) -> str:
        """Where it is, for a person."""
        if self.object is not None:
            return f"object 0x{self.object:02X}"
        return f"byte {self.at}" if self.at is not None else f"register {self.addr}"

    @property
    def size_bytes(self) -> int | None:
        """How many bytes it has; None where only the answer will tell."""
        if self.object is not None:
            return None
        return (self.size or None) if self.at is not None else 2 * self.regs


class Match(Span, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the value must be before anything else of the answer is believed: exactly one of the four.

    Attributes:
        equals: The whole value, as text.
        starts_with: How the value begins.
        one_of: All values that it may be.
        shape: What characters it is made of, where no document names a value: `SN[0-9A-Z]{6,12}`. The weakest proof.
    """

    equals: str = ""
    starts_with: str = ""
    one_of: tuple[str, ...] = ()
    shape: str = ""


class FieldRule(Span, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One field of the nameplate.

    Attributes:
        name: Which field.
    """

    name: Field


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How to read one family of devices.

    Attributes:
        id: Its name in a plant file; the name of its file.
        version: Raised with every change of meaning; part of the evidence.
        vendor: Manufacturer, where a match proves it; empty where the device says it in a field.
        devices: Which devices it is for, for a person.
        doc: The document that it was made from.
        confidence: How far its document may be believed.
        connect_risk: What a mere connection may do.
        caution: What an operator must know first; required unless the risk is normal.
        unit: Unit id that these devices usually answer to.
        port: TCP port that they usually listen on.
        bases: Where the map may begin; tried in this order until the matches hold.
        reads: Requests in the order sent; those that matches need come first.
        pieces: Requests instead of the one read, for devices that refuse it as a whole; the proof first, then field by field.
        identification: How device identification is asked.
        server_id: Whether report server id is asked.
        chain: How further devices behind the same unit are found.
        matches: All must hold before any field is believed.
        fields: What is read from the answers.
    """

    id: str
    version: int
    vendor: str = ""
    devices: str
    doc: str
    confidence: Confidence
    connect_risk: ConnectRisk = ConnectRisk.NORMAL
    caution: str = ""
    unit: int = 1
    port: int = 502
    bases: tuple[int, ...] = (0,)
    reads: tuple[Read, ...] = msgspec.field(name="read", default=())
    pieces: tuple[Read, ...] = msgspec.field(name="piece", default=())
    identification: Stream | None = None
    server_id: bool = False
    chain: Chain | None = None
    matches: tuple[Match, ...] = msgspec.field(name="match", default=())
    fields: tuple[FieldRule, ...] = msgspec.field(name="field", default=())

    @property
    def label(self) -> str:
        """`id@version`, as evidence names it."""
        return f"{self.id}@{self.version}"
