"""The real child process with one line by a careless colleague: after the login it writes. Run by the reader in its place."""

import sys
from typing import Any

from asyncua import ua

from protocols.opcua import child, visit
from protocols.opcua.guard import protocol_of
from protocols.opcua.session import Channel


async def careless(channel: Channel, _found: Any) -> None:
    await protocol_of(channel.client).send_request(ua.WriteRequest())


if __name__ == "__main__":
    visit.discover = careless
    sys.exit(child.main())
