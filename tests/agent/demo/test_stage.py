"""The stage: each process has its own command, log and side; none of them runs before it is started."""

from pathlib import Path

from agent.demo.broker import BrokerKind
from agent.demo.install import Files
from agent.demo.stage import hire


async def test_four_processes_are_hired_and_none_runs_yet(tmp_path: Path) -> None:
    crew = hire(Files(tmp_path), BrokerKind.EMBEDDED, 1883)
    assert list(crew) == ["broker", "receiver", "publish", "collect"]
    assert [child.pid for child in crew.values()] == [None] * 4
    assert len({child.log for child in crew.values()}) == 4
