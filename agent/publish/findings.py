"""What publish needs to sign and to be let in by the broker: are its files there, its own alone, and still valid?

Decides only what belongs together; `agent.doctor.files` judges each secret, and `agent.publish.certificates` the time of a certificate.
Never shows what a file holds, and never connects to anything.
"""

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.doctor import files
from agent.doctor.finding import Finding, State
from agent.keys.ring import key_file
from agent.publish.certificates import read_validity, remark
from config.model import BrokerSection, Plant

MAX_BYTES = 1024 * 1024

SOON = timedelta(days=30)
"""Whoever renews a certificate by hand wants to know it this long before."""

_RENEW = "Put a renewed certificate in its place; publish takes it at the next connection."


def findings(plant: Plant, at_s: float, environment: Mapping[str, str] = os.environ) -> list[Finding]:
    """Look at the report key and at what the broker is met with.

    Args:
        plant: The plant file.
        at_s: This machine's clock, seconds since 1970.
        environment: Of this process, for a key that systemd hands over.
    """
    return [_report_key(plant, environment), *_of_broker(plant.broker, datetime.fromtimestamp(at_s, UTC))]


def _report_key(plant: Plant, environment: Mapping[str, str]) -> Finding:
    path = key_file(plant, environment)
    if path != plant.report_key_file:
        return Finding("report-key", State.OK, "handed over by systemd to this service alone")
    return files.secret(
        "report-key", path, owner=None, missing="Put the key back; a new gateway makes one with `nameplated key init`."
    )


def _of_broker(section: BrokerSection, now: datetime) -> Iterator[Finding]:
    for name, path in (("broker-key", section.key_file), ("broker-login", section.username_file)):
        if path is not None:
            yield files.secret(name, path, owner=None, missing="Put it there, owned by the user of publish and with mode 0600.")
    for name, path in (("broker-ca", section.ca_file), ("broker-certificate", section.certificate_file)):
        if path is not None:
            yield _certificate(name, path, now)


def _certificate(name: str, path: Path, now: datetime) -> Finding:
    """Judge a certificate file: can it be read, is it valid, and for how long?"""
    try:
        with path.open("rb") as file:
            pem = file.read(MAX_BYTES)
    except OSError as error:
        return Finding(name, State.BAD, f"{path}: {error.strerror}", "Put it there, readable for the user of publish.")
    validity, wrong = read_validity(pem), remark(pem, now)
    if validity is None:
        return Finding(name, State.BAD, f"{path} holds no certificate in PEM", _RENEW)
    if wrong:
        return Finding(name, State.BAD, f"{path}: {wrong.replace('our own certificate', 'it')}", _RENEW)
    day = validity.not_after.strftime("%Y-%m-%d")
    if validity.not_after - now < SOON:
        return Finding(name, State.WARN, f"{path} expires on {day}", _RENEW)
    return Finding(name, State.OK, f"{path} is valid until {day}")
