"""What every envelope states about itself: who, for whom, where in the chain, when and by which clock.

Decides the form and the bounds of these statements. Must never judge them: whether a sequence follows another is `chain`, and
whether an issuer may speak is `trust`. Importing this module costs no cryptography.
"""

from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

END: Final = r"(?!\n)$"  # Python's `$` alone would let a line feed pass; other readers of the pattern see no difference
MAX_INTEGER: Final = 2**53 - 1  # what every JSON reader keeps exact

Count = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]
Issuer = Annotated[str, Meta(pattern=r"^urn:nameplated:[a-z0-9-]{1,32}:[a-z0-9-]{1,32}" + END)]
Receiver = Annotated[str, Meta(pattern=r"^urn:isms:[a-z0-9-]{1,32}" + END)]
Epoch = Annotated[str, Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}" + END)]
Hash = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{43}" + END)]
KindName = Annotated[str, Meta(pattern=r"^[a-z.]{1,32}/[1-9][0-9]?" + END)]


class Stream(StrEnum):
    """What a receiver may expect of a record."""

    EVIDENCE = "evidence"  # chained: every record arrives, or a signed gap says why not
    HEALTH = "health"  # the newest counts, older ones may be lost
    STATUS = "status"  # online or offline, retained by the broker


class ClockState(StrEnum):
    """How far the wall clock may be believed."""

    SYNC = "sync"  # kept by a time source
    HOLDOVER = "holdover"  # was kept by one, and has run alone since
    UNSYNC = "unsync"  # never set since boot


class Claims(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a report states about itself, around its body.

    Attributes:
        v: Version of this form.
        iss: The gateway, `urn:nameplated:<plant>:<gateway>`.
        aud: The receiver it is for, `urn:isms:<id>`: a report for one receiver cannot be replayed to another.
        stream: Which stream it belongs to.
        epoch: UUID of one chain.
        seq: Place in the epoch, from 0 without a gap.
        prev: SHA-256 of the signing input of the record before, None only at 0.
        iat: Wall clock at signing, seconds since 1970.
        clk: How far `iat` may be believed.
        boot: Random id of the gateway's boot.
        up: Seconds since that boot, sleep included.
        type: The kind of the body.
        body: The report, in the form of its kind; here as its exact bytes.
    """

    v: Literal[1]
    iss: Issuer
    aud: Receiver
    stream: Stream
    epoch: Epoch
    seq: Count
    prev: Hash | None
    iat: Count
    clk: ClockState
    boot: Annotated[str, Meta(max_length=64)]
    up: Count
    type: KindName
    body: msgspec.Raw


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The receiver's word that it holds every record of an epoch up to a sequence.

    A gateway lets go of its own copies only if its own hash of record `upto` equals `head`.

    Attributes:
        v: Version of this form.
        iss: The receiver.
        aud: The gateway.
        stream: The stream it speaks of.
        epoch: The chain it speaks of.
        upto: The last sequence held.
        head: SHA-256 of the signing input of that record.
        iat: Wall clock of the receiver, seconds since 1970.
    """

    v: Literal[1]
    iss: Receiver
    aud: Issuer
    stream: Stream
    epoch: Epoch
    upto: Count
    head: Hash
    iat: Count
