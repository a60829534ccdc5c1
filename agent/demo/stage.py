"""The stage: the devices, and beside them four processes: broker, receiver, and the gateway's two roles.

Decides the commands of the processes and the order in which they start.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from agent.demo.broker import BrokerKind, broker_command, find_mosquitto
from agent.demo.install import Files, gateway_command, receiver_command
from agent.demo.modbus_plant import ModbusPlant
from agent.demo.opcua_plant import OpcUaPlant
from agent.demo.processes import Child, ChildError, tail, wait_for_port
from agent.demo.watch import Watch
from config.model import Plant

BROKER_START_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Everything that is on stage.

    Attributes:
        files: Where the demo's files lie.
        plant: The plant file.
        modbus: The Modbus devices.
        opcua: The OPC UA devices.
        crew: The processes, by name.
        watch: Eyes and voice.
    """

    files: Files
    plant: Plant
    modbus: ModbusPlant
    opcua: OpcUaPlant
    crew: Mapping[str, Child]
    watch: Watch


def hire(files: Files, kind: BrokerKind, port: int) -> dict[str, Child]:
    """Return the processes, none of them started."""
    broker = broker_command(kind, port=port, folder=files.broker, mosquitto=find_mosquitto())
    config = ("--config", str(files.plant))
    commands = {
        "broker": broker,
        "receiver": receiver_command("receive", "--state", str(files.receiver), "--broker", f"mqtt://127.0.0.1:{port}"),
        "publish": gateway_command("publish", *config),
        "collect": gateway_command("collect", *config),
    }
    return {name: Child(name, command, files.log(name)) for name, command in commands.items()}


async def start(crew: Mapping[str, Child], port: int) -> None:
    """Start everybody, those who listen first.

    Raises:
        ChildError: The broker does not listen in time.
    """
    crew["broker"].start()
    if not await wait_for_port(port, timeout_s=BROKER_START_S):
        raise ChildError(f"the broker does not listen. The end of its log:\n{tail(crew['broker'].log)}")
    for name in ("receiver", "publish", "collect"):
        crew[name].start()
