"""How a role is: what troubles it comes from its files, from its work and from its plant file, in one sentence each."""

from pathlib import Path

from agent.clock import system_clock
from agent.reload import PUBLISH_FIXED, Follower
from agent.standing import Standing
from config.load import load
from tests.agent.core.looks import moment
from tests.agent.operator.shelf import plant_in


def test_what_is_amiss_in_the_work_of_a_role_is_part_of_its_trouble(tmp_path: Path) -> None:
    file = plant_in(tmp_path)
    standing = Standing("publish", Follower(lambda: load(file), PUBLISH_FIXED), system_clock())
    assert standing.vitals(moment()).trouble == ""
    standing.amiss = lambda: "the journal cannot be read"
    standing.waits = "waits for the disk"
    assert standing.vitals(moment()).trouble == "waits for the disk; the journal cannot be read"
