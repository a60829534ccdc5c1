"""The daily manifest on its way into the outbox: in transactions of its own, one for each part.

Decides when it is told, how much of the outbox it may hold, and when it is tried again. Must never hold back a record: a manifest
that does not fit is late, and a record that is not folded is lost one day. Never tells a part twice, also over a restart: how far
it came is written down with each part.

The newest part of each number never goes for want of room, as the newest of any subject does not. So all of them together may
hold only a share of the outbox; in one that is too small for its plant, the rest waits until parts were receipted.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from agent.core.moment import Moment, elapsed_s
from agent.log import line, logger
from agent.publish.fold import Draft
from agent.publish.manifest import Part, Told, bytes_a_part, is_due, manifest
from agent.publish.survey import Survey
from buffer.errors import SpoolFullError
from buffer.outbox import Outbox

LARGEST_SHARE = 4
"""All parts together hold at most this share of the outbox."""

AGAIN_AFTER_S = 60.0
"""Between two attempts at a part for which there was no room."""

KINDS = ("inventory/1", "ledger/1")

Append = Callable[[Sequence[Draft], Mapping[str, bytes], Moment], None]

_log = logger("publish")


class Daily:
    """When the manifest was told, and how far it is.

    Attributes:
        told: As the outbox has it.
    """

    def __init__(self, outbox: Outbox, append: Append, told: Told) -> None:
        self.told = told
        self._outbox = outbox
        self._append = append
        self._refused_at: Moment | None = None

    def is_due(self, now: Moment) -> bool:
        """Tell whether it is time to look how the assets are."""
        rests = self._refused_at is not None and elapsed_s(self._refused_at, now) < AGAIN_AFTER_S
        return is_due(self.told, now) and not rests

    def tell(self, survey: Survey, now: Moment) -> int:
        """Tell what is due, as far as there is room; return how many envelopes came of it."""
        if not self.is_due(now):
            return 0
        written = 0
        for part in manifest(survey, now, self.told, room_bytes=bytes_a_part(self._outbox.max_bytes)):
            try:
                self._write(part, now)
            except (SpoolFullError, OSError) as error:
                self._wait(str(error), now)
                break
            self._refused_at = None
            written += len(part.drafts)
        return written

    def _write(self, part: Part, now: Moment) -> None:
        held = sum(size for subject, size in self._held() if subject not in {draft.subject for draft in part.drafts})
        if held > self._outbox.max_bytes // LARGEST_SHARE:
            raise SpoolFullError("the parts that wait for a receipt hold their share of the outbox")
        self._append(part.drafts, {"manifest": msgspec.json.encode(part.told)}, now)
        self.told = part.told

    def _held(self) -> list[tuple[str, int]]:
        return [found for kind in KINDS for found in self._outbox.newest_sizes(kind).items()]

    def _wait(self, why: str, now: Moment) -> None:
        if self._refused_at is None:
            _log.warning(line("manifest.waiting", parts=self.told.part, why=why))
        self._refused_at = now
