"""What publish knows of the plant for its report of health: what collect told last, and how old that may be.

Decides when the states are worth reading again, and says once what could not be used of them. Never reads the journal itself: a look
brings a survey. Reads one small file that collect leaves beside the journal while that cannot be written.
"""

from pathlib import Path

import msgspec

from agent.core.moment import Moment, elapsed_s
from agent.core.vitals import Vitals
from agent.log import line, logger
from agent.publish.survey import Survey
from buffer.backlog import backlog_file, read_backlog
from evidence import kinds

EVERY_S = 60.0

_log = logger("publish")


class Facts:
    """The newest survey.

    Attributes:
        outcomes: How many assets ended their last look how.
        endpoints: How each endpoint answers.
        left_out: Why states of the journal were not looked at, or empty.
    """

    def __init__(self, journal_file: Path) -> None:
        self.outcomes: dict[str, int] = {}
        self.endpoints: list[kinds.EndpointHealth] = []
        self.left_out = ""
        self._collect: Vitals | None = None
        self._backlog_file = backlog_file(journal_file)
        self._at: Moment | None = None
        self._said = (0, "", "")

    def are_due(self, now: Moment) -> bool:
        """Tell whether they have to be read again, if there is anything new."""
        return self._at is None or elapsed_s(self._at, now) >= EVERY_S

    def take(self, survey: Survey, now: Moment) -> None:
        """Take what a look brought."""
        self.outcomes = dict(survey.outcomes)
        self.endpoints = survey.endpoints
        self.left_out = survey.left_out
        self._collect = survey.collect
        self._at = now
        self._say(survey)

    @property
    def collect(self) -> Vitals | None:
        """How collect is, as far as it has told lately; what it cannot write into the journal, it says beside it."""
        waits = read_backlog(self._backlog_file)
        if self._collect is None or waits is None:
            return self._collect
        given_up = self._collect.given_up + waits.given_up
        return msgspec.structs.replace(self._collect, held=waits.held, given_up=given_up)

    def _say(self, survey: Survey) -> None:
        """Log what could not be used, whenever that is another than before: the same states are read again every minute."""
        found = survey.unreadable, survey.example, survey.left_out
        if found == self._said:
            return
        self._said = found
        if survey.unreadable:
            _log.warning(line("state.unreadable", count=survey.unreadable, why=survey.example))
        if survey.left_out:
            _log.warning(line("state.left-out", why=survey.left_out))
