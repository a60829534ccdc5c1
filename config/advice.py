"""What an operator should know about a plant file that can be used.

Decides which settings deserve a sentence. Never refuses anything and never changes anything.
"""

from config.address import is_loopback
from config.model import Plant

POLITE_INTERVAL_S = 3600  # once an hour: what guidance for operational networks takes for unobtrusive
POLITE_GAP_MS = 100


def warnings(plant: Plant) -> list[str]:
    """Return one sentence for each setting that is allowed and still questionable."""
    found: list[str] = []
    if plant.collect.identity_interval_s < POLITE_INTERVAL_S:
        found.append(
            f"collect.identity_interval_s = {plant.collect.identity_interval_s}: below {POLITE_INTERVAL_S} s is for tests only"
        )
    if plant.collect.gap_ms < POLITE_GAP_MS:
        found.append(f"collect.gap_ms = {plant.collect.gap_ms}: below {POLITE_GAP_MS} ms is for tests only")
    broker = plant.broker.address
    if not broker.tls and not is_loopback(broker.host):
        found.append(f"broker.url = {broker}: reports and credentials cross the network in clear; use mqtts://")
    if plant.receiver is None:
        found.append("no [receiver]: nobody confirms delivery; what a broker acknowledges and loses is lost")
    if not plant.asset:
        found.append("no [[asset]]: nothing will be asked")
    return found
