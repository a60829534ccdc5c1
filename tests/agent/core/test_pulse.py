"""Which task is overdue follows from what each task promised, and from nothing else."""

from agent.core.pulse import Pulse


def test_a_task_that_keeps_its_word_is_never_overdue() -> None:
    pulse = Pulse()
    for now_s in range(0, 100, 10):
        pulse.beat("fold", 15.0, now_s=now_s)
        assert pulse.overdue(now_s + 10) == []


def test_a_task_that_does_not_is_overdue_while_others_go_on() -> None:
    pulse = Pulse()
    pulse.beat("delivery", 30.0, now_s=0.0)
    pulse.beat("fold", 60.0, now_s=0.0)
    assert pulse.overdue(30.1) == ["delivery"]
    assert pulse.overdue(60.1) == ["delivery", "fold"]


def test_a_task_that_has_ended_is_not_waited_for() -> None:
    pulse = Pulse()
    pulse.beat("visit 10.0.0.1", 30.0, now_s=0.0)
    pulse.over("visit 10.0.0.1")
    pulse.over("visit 10.0.0.2")
    assert pulse.overdue(1e9) == []


def test_a_task_that_comes_back_is_no_longer_overdue() -> None:
    pulse = Pulse()
    pulse.beat("fold", 1.0, now_s=0.0)
    pulse.beat("fold", 1.0, now_s=50.0)
    assert pulse.overdue(50.5) == []


def test_nobody_is_waited_for_while_none_is_wanted() -> None:
    pulse = Pulse()
    pulse.beat("fold", 1.0, now_s=0.0)
    pulse.rest()
    assert pulse.overdue(1e9) == []
