"""Settings that are allowed and questionable get a sentence; good ones get none."""

from pathlib import Path
from typing import Any

import pytest

from config.address import Address
from config.advice import warnings
from config.model import Asset, BrokerSection, CollectSection, GatewaySection, Plant, PlantSection, ReceiverSection

GOOD: dict[str, Any] = {
    "plant": PlantSection(id="p"),
    "gateway": GatewaySection(id="g"),
    "broker": BrokerSection(url="mqtts://isms.example"),
    "receiver": ReceiverSection(key_file=Path("isms.jwk")),
    "asset": (Asset(id="a", address=Address.parse("modbus-tcp://10.0.0.1")),),
}


def test_a_good_plant_gets_no_warning() -> None:
    assert warnings(Plant(**GOOD)) == []


def test_a_broker_on_this_machine_may_be_in_clear() -> None:
    assert warnings(Plant(**GOOD | {"broker": BrokerSection(url="mqtt://127.0.0.1")})) == []


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        ({"collect": CollectSection(identity_interval_s=3599)}, "below 3600 s is for tests only"),
        ({"collect": CollectSection(gap_ms=99)}, "below 100 ms is for tests only"),
        ({"broker": BrokerSection(url="mqtt://isms.example")}, "in clear"),
        ({"receiver": None}, "nobody confirms delivery"),
        ({"asset": ()}, "nothing will be asked"),
    ],
)
def test_each_questionable_setting_gets_its_sentence(change: dict[str, Any], warning: str) -> None:
    found = warnings(Plant(**GOOD | change))
    assert len(found) == 1
    assert warning in found[0]
