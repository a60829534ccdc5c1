"""Why nothing could be delivered: who is to blame, and what happens next.

Decides nothing; it names.

    DeliveryError            (abstract)
    ├── BrokerUnreachableError   the network: no connection, or it broke. Everything is kept; try again.
    └── BrokerRefusedError       the broker: it does not let us in. Everything is kept; the operator has to act.
"""


class DeliveryError(Exception):
    """The broker could not be used. Abstract: raise one that says why."""

    def __init__(self, detail: str) -> None:
        if type(self) is DeliveryError:
            raise TypeError("DeliveryError is abstract; raise the error that says why")
        super().__init__(detail)


class BrokerUnreachableError(DeliveryError):
    """No connection to the broker, or it broke."""


class BrokerRefusedError(DeliveryError):
    """The broker answered, and does not let us in."""
