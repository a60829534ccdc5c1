"""What a receiver may ask of a gateway, and what it is answered.

Decides the form of both, and nothing can be asked that has no form here: no configuration, no reading of a device, no other rate.
A request names the broker session it is for, by epoch and session number, and carries a number that only grows within it. A
gateway gives each session a new number, durably, and announces it in its signed status. So an old request is recognised by
whoever counts, without any clock: a gateway that was just switched on may not have one.

Must never decide whether a request is granted; the gateway's `agent.publish.requests` does.

Source: docs/report-format.md, requests; OASIS MQTT 5.0, 4.10 (request and response).
"""

from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from evidence.claims import Count, Epoch, Issuer, Receiver
from evidence.kinds import Health

RESPONSE: Final = "nameplated-response+jwt"
NAMES: Final = ("status", "republish")


class Span(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A stretch of a chain, both ends included."""

    epoch: Epoch
    from_seq: Count
    to_seq: Count


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A receiver's request, in an envelope of type `nameplated-request+jwt`.

    Attributes:
        v: Version of this form.
        iss: The receiver.
        aud: The gateway.
        epoch: The chain that the gateway named in its status.
        sess: The broker session that it named there.
        n: Grows from request to request within a session; milliseconds since 1970 serve well.
        iat: Wall clock of the receiver, seconds since 1970. Nothing depends on it.
        name: What is asked for; the topic says the same.
        span: What to send again; None for `status`.
    """

    v: Literal[1]
    iss: Receiver
    aud: Issuer
    epoch: Epoch
    sess: Count
    n: Count
    iat: Count
    name: Literal["status", "republish"]
    span: Span | None = None


class Outcome(StrEnum):
    """What became of a request."""

    DONE = "done"
    NOTHING = "nothing"  # there is nothing of that stretch, and never was
    ABSENT = "absent"  # it was let go of; a signed gap follows that says so


class Response(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A gateway's answer, in an envelope of type `nameplated-response+jwt`.

    Attributes:
        v: Version of this form.
        iss: The gateway.
        aud: The receiver.
        epoch: As in the request.
        sess: As in the request.
        n: As in the request.
        iat: Wall clock of the gateway, seconds since 1970.
        name: As in the request.
        outcome: What became of it.
        detail: One sentence for a person.
        health: How the gateway is, for `status`; None otherwise.
    """

    v: Literal[1]
    iss: Issuer
    aud: Receiver
    epoch: Epoch
    sess: Count
    n: Count
    iat: Count
    name: Literal["status", "republish"]
    outcome: Outcome
    detail: Annotated[str, Meta(max_length=1024)]
    health: Health | None = None
