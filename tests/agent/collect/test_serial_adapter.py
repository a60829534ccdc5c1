"""The collecting role and a serial adapter that is pulled out: it backs off, and sees the device again without a restart."""

from pathlib import Path

from agent.collect.role import Target
from agent.core.observation import Register
from agent.demo.modbus_device import Unit
from protocols.contract import Ask, Endpoint, Limits, Transport
from protocols.modbus.reader import ModbusReader
from tests.agent.collect.test_role import collect, observations, reported
from tests.simulators.adapter import Adapter


async def test_the_role_sees_the_device_again_when_the_adapter_is_back(tmp_path: Path) -> None:
    port, path = tmp_path / "usb-adapter", tmp_path / "journal.db"
    endpoint = Endpoint(transport=Transport.MODBUS_RTU, host=str(port), unit=1, parity="N")
    ask = Ask(endpoint=endpoint, limits=Limits(gap_s=0.01), profile="wago-750")
    target = Target(asset_id="pump", address=f"modbus-rtu://{port}?unit=1", register=Register(), ask=ask)
    adapter = Adapter(port, Unit(holding={0x2010: 5, 0x2011: 750, 0x2012: 881, 0x2013: 1, 0x2014: 4}))
    adapter.__enter__()

    def story() -> bool:
        """Pull it after the first look; plug it in again after the first failure; end with the look that works."""
        outcomes = [look.outcome for look in observations(path)]
        if outcomes == ["identified"] and port.is_symlink():
            adapter.pull()
        if outcomes == ["identified", "unreachable"] and not port.is_symlink():
            adapter.__enter__()
        return len(outcomes) > 2

    await collect(path, ModbusReader(), [target], until=story)
    adapter.pull()
    assert [look.outcome for look in observations(path)] == ["identified", "unreachable", "identified"]
    assert reported(path) == [("pump", "first-seen"), ("pump", "lost"), ("pump", "returned")]
