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


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.floats(0, 30)), max_size=200))
def test_every_line_is_written_or_counted_and_none_twice_within_the_quiet_time(lines: list[tuple[str, float]]) -> None:
    repeats, now_s, written = log.Repeats(quiet_s=60), 0.0, dict[str, float]()
    admitted = counted = 0
    for text, pause_s in lines:
        now_s += pause_s
        shown = repeats.admit(text, now_s)
        if shown is not None:
            assert now_s - written.get(text, -60.0) >= 60
            written[text] = now_s
            admitted += 1
            counted += int(shown.partition(" repeated=")[2] or 0)
    assert admitted + counted + sum(count for _, count in repeats._left_out.values()) == len(lines)


def test_storm_of_different_lines_is_remembered_within_bounds() -> None:
    repeats = log.Repeats(most=10)
    assert all(repeats.admit(str(number), 0.0) for number in range(1000))
    assert len(repeats._left_out) == 10


def test_storm_of_equal_lines_is_one_line(capsys) -> None:
    before = logging.getLogger().handlers
    try:
        log.to_stderr()
        for _ in range(100):
            log.logger("test").warning(log.line("broker.lost"))
    finally:
        logging.getLogger().handlers = before
    assert capsys.readouterr().err == "<4>broker.lost\n"
