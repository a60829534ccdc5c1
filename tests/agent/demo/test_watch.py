"""The watch: one line each for the gateway, the receiver and the processes, so that a person can kill one and see what happens."""

from pathlib import Path

from agent.demo.processes import Child
from agent.demo.watch import gateway_line, process_line, receiver_line

HEARD = {"records": 31, "forks": 0, "breaks": 0, "status": "online"}


def test_gateway_line_says_how_far_each_role_has_come() -> None:
    assert gateway_line(31, 28) == "gateway:   31 records written down by collect, 28 of them signed by publish"


def test_receiver_line_names_damage_only_where_there_is_some() -> None:
    assert receiver_line(HEARD) == "receiver:  31 reports verified and stored; the gateway's last word: online"
    assert "1 forks, 0 breaks" in receiver_line(HEARD | {"forks": 1})


async def test_process_line_says_who_is_down_and_who_was_restarted() -> None:
    child = Child("publish", ("true",), Path("unused.log"))
    child.deaths = 2
    assert process_line({"publish": child}) == "processes: publish down (restarted 2x)"
