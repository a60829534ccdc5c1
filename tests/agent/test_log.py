"""One event is one line, whatever a device called itself."""

import logging

from hypothesis import given
from hypothesis import strategies as st

from agent import log


@given(st.text(max_size=80))
def test_any_text_from_outside_stays_on_its_line_and_in_its_quotes(text: str) -> None:
    written = log.line("asset.identified", detail=text)
    assert written.isprintable()
    assert written.startswith("asset.identified detail=")


def test_line_carries_the_priority_of_the_journal(capsys) -> None:
    before = logging.getLogger().handlers
    try:
        log.to_stderr()
        log.logger("test").warning(log.line("disk.full", free_bytes=7))
    finally:
        logging.getLogger().handlers = before
    assert capsys.readouterr().err == "<4>disk.full free_bytes=7\n"
