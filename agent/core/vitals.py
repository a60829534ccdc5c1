"""How a role is as a process: what it takes, what it has found out about its surroundings, what troubles it.

Decides the form in which collect leaves this in the journal and publish reports it for both. Never measures: `agent.footprint`
and `agent.doctor.inside` do. To publish what collect left is hostile input, so every part is bounded.
"""

from typing import Annotated

import msgspec

from agent.core.observation import Name, Text

VITALS = "vitals"
"""The subject under which collect leaves them in the journal, among the states of kind `gateway`."""


class Found(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a role found out about its own surroundings when it started.

    Attributes:
        name: What was looked at: `networks`, `memory-limit`.
        state: `ok`, `unknown`, `warn` or `bad`.
        detail: What was seen.
        remedy: What to do about it, or empty.
    """

    name: Name
    state: Name
    detail: Text = ""
    remedy: Text = ""


class Vitals(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a role is.

    Attributes:
        at: When, RFC 3339.
        written_bytes: Bytes that it had written to disks by then, since it started; 0 where the kernel does not count them.
        rss_bytes: Memory that it took.
        guard_fired_at: When the read-only guard last refused a request, RFC 3339; None if it never did.
        held: Records that wait in its memory, because the journal cannot be written.
        given_up: Records that were lost since it started, because there was no room for them.
        trouble: What a person should mend, or empty: a plant file that was refused, a setting that waits for a restart.
        found: What it found out when it started.
    """

    at: Name
    written_bytes: int = 0
    rss_bytes: int = 0
    guard_fired_at: Name | None = None
    held: int = 0
    given_up: int = 0
    trouble: Text = ""
    found: Annotated[list[Found], msgspec.Meta(max_length=16)] = []
