"""The four processes of the demo beside its devices: broker, receiver, and the gateway's two roles.

Decides their commands and the order in which they start and end.
"""

import getpass
from collections.abc import Mapping

from agent.demo.broker import BrokerKind, broker_command, find_mosquitto
from agent.demo.install import Files, gateway_command, receiver_command
from agent.demo.processes import Child, ChildError, tail, wait_for_port

BROKER_START_S = 15.0


def hire(files: Files, kind: BrokerKind, port: int) -> dict[str, Child]:
    """Return the processes, none of them started."""
    broker = broker_command(kind, port=port, folder=files.broker, mosquitto=find_mosquitto(), user=getpass.getuser())
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
