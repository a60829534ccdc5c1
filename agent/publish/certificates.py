"""Why TLS did not come about, in words that tell an engineer what to renew or which clock to set.

Decides how a certificate's time is judged and named. Never decides whether to trust: OpenSSL does, and its no is final. A
certificate that is not valid now is a reason to try again later, for the file may be replaced and the clock may be set: a Raspberry Pi
without a battery believes that it is the day of its last shutdown.

Source: RFC 5280, 4.1.2.5 (validity) and 4.1.1 (the order of the fields); X509_V_ERR_* of OpenSSL.
"""

import binascii
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime

_NOT_YET_VALID, _EXPIRED = 9, 10
_FOREIGN = "is not signed by an authority in ca_file"
_FLAWS = {
    _NOT_YET_VALID: "is not valid yet",
    _EXPIRED: "has expired",
    18: _FOREIGN,
    19: _FOREIGN,
    20: _FOREIGN,
    21: _FOREIGN,
    23: "is revoked",
    62: "is for another name than the one in the broker's url",
    64: "is for another address than the one in the broker's url",
}

_SEQUENCE, _INTEGER, _VERSION, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0x02, 0xA0, 0x17, 0x18


@dataclass(frozen=True, slots=True)
class Validity:
    """From when to when a certificate may be used."""

    not_before: datetime
    not_after: datetime


def reason(error: OSError, now: datetime) -> str:
    """Return why a connection failed, in one sentence.

    Args:
        error: What OpenSSL or the network said.
        now: This machine's clock.
    """
    match error:
        case ssl.SSLCertVerificationError(verify_code=code, verify_message=detail):
            return f"the broker's certificate {_FLAWS.get(code, f'is not accepted: {detail}')}{_clock(code, now)}"
        case ssl.SSLError(reason=why) if why:
            return f"TLS failed: {why}"
        case _:
            return str(error)


def _clock(code: int, now: datetime) -> str:
    """Return what this machine's clock says, where that is the question."""
    if code == _NOT_YET_VALID:
        return f"; this machine's clock says {_day(now)}: is it set?"
    return f"; this machine's clock says {_day(now)}" if code == _EXPIRED else ""


def remark(pem: bytes, now: datetime) -> str:
    """Return what is wrong with the time of our own certificate, or nothing.

    Args:
        pem: The certificate file; the first certificate in it is ours.
        now: This machine's clock.
    """
    validity = read_validity(pem)
    if validity is None:
        return ""
    if now < validity.not_before:
        return f"our own certificate is not valid before {_day(validity.not_before)}; this machine's clock says {_day(now)}"
    if now > validity.not_after:
        return f"our own certificate expired on {_day(validity.not_after)}; this machine's clock says {_day(now)}"
    return ""


def read_validity(pem: bytes) -> Validity | None:
    """Return the validity of the first certificate in a PEM file, or None if none can be read there."""
    try:
        text = pem.decode("ascii")
        begin = text.index("-----BEGIN CERTIFICATE-----")
        end = text.index("-----END CERTIFICATE-----", begin)
        return _validity(ssl.PEM_cert_to_DER_cert(text[begin:end] + "-----END CERTIFICATE-----\n"))
    except (ValueError, IndexError, OverflowError, binascii.Error):  # UnicodeDecodeError is a ValueError
        return None


def _validity(der: bytes) -> Validity:
    """Walk to the fifth field: version, serial number, signature algorithm, issuer, validity.

    Raises:
        ValueError: It is no certificate.
        IndexError: It ends in the middle.
    """
    certificate = _content(der, 0, _SEQUENCE)
    fields = _content(certificate, 0, _SEQUENCE)
    offset = _after(fields, 0) if fields[0] == _VERSION else 0
    for tag in (_INTEGER, _SEQUENCE, _SEQUENCE):
        if fields[offset] != tag:
            raise ValueError("not the fields of a certificate")
        offset = _after(fields, offset)
    times = _content(fields, offset, _SEQUENCE)
    second = _after(times, 0)
    return Validity(_time(times[0], _content(times, 0, times[0])), _time(times[second], _content(times, second, times[second])))


def _span(data: bytes, offset: int) -> tuple[int, int]:
    """Return where the content of a DER value begins and ends."""
    length, start = data[offset + 1], offset + 2
    if length & 0x80:
        size = length & 0x7F
        if not 1 <= size <= 4:
            raise ValueError("a length that no certificate has")
        length, start = int.from_bytes(data[start : start + size], "big"), start + size
    if start + length > len(data):
        raise ValueError("a value longer than what holds it")
    return start, start + length


def _content(data: bytes, offset: int, tag: int) -> bytes:
    if data[offset] != tag:
        raise ValueError("another value than expected")
    start, end = _span(data, offset)
    return data[start:end]


def _after(data: bytes, offset: int) -> int:
    return _span(data, offset)[1]


def _time(tag: int, text: bytes) -> datetime:
    """Read a time; two digits of a year mean 1950 to 2049."""
    if tag == _GENERALIZED_TIME:
        return datetime.strptime(text.decode("ascii"), "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    if tag != _UTC_TIME:
        raise ValueError("not a time")
    year = int(text[:2])
    century = b"19" if year >= 50 else b"20"
    return datetime.strptime((century + text).decode("ascii"), "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
