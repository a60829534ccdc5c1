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
        """Pull it after the first look, perhaps in the middle of the next; plug it in after a failure; end with what works then."""
        outcomes = [look.outcome for look in observations(path)]
        if outcomes[-1:] == ["identified"] and "unreachable" not in outcomes and port.is_symlink():
            adapter.pull()
        if outcomes[-1:] == ["unreachable"] and not port.is_symlink():
            adapter.__enter__()
        return outcomes[-1:] == ["identified"] and "unreachable" in outcomes

    await collect(path, ModbusReader(), [target], until=story)
    adapter.pull()
    first, *_, last = observations(path)
    assert first.nameplate == last.nameplate
    kinds = [kind for _, kind in reported(path)]
    assert kinds[0] == "first-seen" and kinds.count("lost") == kinds.count("returned") == 1
