"""One event is one line, whatever a device called itself."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
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
    assert admitted + counted + repeats.left_out == len(lines)


def test_storm_of_different_lines_is_remembered_within_bounds() -> None:
    repeats = log.Repeats(most=10)
    assert all(repeats.admit(str(number), 0.0) for number in range(1000))
    assert len(repeats._written) == 10


def test_storm_of_equal_lines_is_one_line(capsys) -> None:
    before = logging.getLogger().handlers
    try:
        log.to_stderr()
        for _ in range(100):
            log.logger("test").warning(log.line("broker.lost"))
    finally:
        logging.getLogger().handlers = before
    assert capsys.readouterr().err == "<4>broker.lost\n"


@contextmanager
def written(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], list[str]]]:
    """What reaches standard error, line by line."""
    before = logging.getLogger().handlers
    try:
        log.to_stderr()

        def lines() -> list[str]:
            return capsys.readouterr().err.splitlines()

        yield lines
    finally:
        logging.getLogger().handlers = before


def test_a_storm_whose_lines_count_themselves_is_one_line_and_its_count_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with written(capsys) as lines:
        for failures in range(1, 501):
            log.logger("test").warning(log.line("broker.unavailable", why="127.0.0.1:1: refused", failures=failures))
        assert lines() == ["<4>broker.unavailable why='127.0.0.1:1: refused' failures=1"]
        log.settle()
        assert lines() == []  # it may go on
        log.settle(at_the_end=True)
        assert lines() == ["<4>broker.unavailable why='127.0.0.1:1: refused' failures=500 repeated=499"]
        log.settle(at_the_end=True)
        assert lines() == []


def test_lines_that_say_which_are_no_storm(capsys: pytest.CaptureFixture[str]) -> None:
    with written(capsys) as lines:
        for seq in range(3):
            log.logger("test").warning(log.line("envelope.refused", seq=seq, why="failures=1"))
        assert len(lines()) == 3


def test_the_count_of_a_storm_is_told_once_it_is_over_also_of_one_that_others_pushed_out() -> None:
    repeats = log.Repeats(most=2)
    for text in ("a", "a", "a", "b", "c"):
        repeats.admit(text, 0.0)
    assert repeats.settled(1.0) == [(logging.INFO, "a repeated=2")]
    assert repeats.settled(100.0) == []


def test_a_library_that_writes_several_lines_gets_one_with_a_priority(capsys: pytest.CaptureFixture[str]) -> None:
    with written(capsys) as lines:
        logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: <Task 7>", exc_info=raised())
        (line,) = lines()
    assert line.startswith(
        "<3>library.said name='asyncio' text='Task exception was never retrieved\\nfuture: <Task 7>' error=ValueError("
    )
    assert "where='agent/test_log.py:" in line and line.isprintable()


def raised() -> ValueError:
    try:
        raise ValueError("two\nlines")
    except ValueError as error:
        return error


def test_a_line_has_an_end(capsys: pytest.CaptureFixture[str]) -> None:
    with written(capsys) as lines:
        log.logger("test").error("x" * 100_000)
        assert len(lines()[0]) <= log.MOST_LETTERS + 3
