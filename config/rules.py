"""What must hold between keys that are good by themselves.

Decides whether the plant as a whole makes sense. Works on whatever could be read, so that a wrong role does not hide a
duplicate name; never repeats a problem that the walk over the single keys has already reported.
"""

from collections.abc import Iterator
from typing import Any

from config.address import Address, AddressError, BrokerAddress, Scheme
from config.errors import Problem
from config.model import CollectSection

Values = dict[str, Any]
"""The known keys of one table that are present, nested like the document; None where a value is bad."""


def broken_rules(values: Values) -> list[Problem]:
    """Return every broken rule, in the order of the model."""
    assets = [(f"asset[{number}]", asset) for number, asset in enumerate(values.get("asset", ()), 1)]
    return [
        *_broker(values.get("broker", {})),
        *_backoff(values.get("collect", {})),
        *_protocols(assets),
        *_risks(assets),
        *_users(assets),
        *_twice_the_same_id(assets),
        *_twice_the_same_endpoint(assets),
        *_one_line_two_speeds(assets),
    ]


Assets = list[tuple[str, Values]]


def _broker(broker: Values) -> Iterator[Problem]:
    if ("certificate_file" in broker) != ("key_file" in broker):
        missing = "key_file" if "certificate_file" in broker else "certificate_file"
        yield Problem(place="broker", what="certificate_file and key_file belong together", suggestion=f"Add {missing}.")
    if not isinstance(broker.get("url"), str):
        return
    try:
        address = BrokerAddress.parse(broker["url"])
    except AddressError as error:
        yield Problem(place="broker.url", what=error.what, suggestion=error.suggestion)
        return
    idle = [name for name in ("ca_file", "certificate_file", "key_file") if name in broker]
    if idle and not address.tls:
        what = f"mqtt:// is in clear and does not use {', '.join(idle)}"
        yield Problem(place="broker.url", what=what, suggestion="Write mqtts://, or take the files out.")


def _backoff(collect: Values) -> Iterator[Problem]:
    defaults = CollectSection()
    first = collect.get("backoff_first_s", defaults.backoff_first_s)
    longest = collect.get("backoff_longest_s", defaults.backoff_longest_s)
    if first is not None and longest is not None and first > longest:
        what = f"backoff_first_s ({first}) is longer than backoff_longest_s ({longest})"
        yield Problem(place="collect.backoff_first_s", what=what, suggestion="The first wait grows to the longest.")


def _protocols(assets: Assets) -> Iterator[Problem]:
    for place, asset in assets:
        address = asset.get("address")
        if not isinstance(address, Address):
            continue
        if asset.get("profile") and not address.scheme.is_modbus:
            yield Problem(place=f"{place}.profile", what="register profiles are for Modbus", suggestion="Take the profile out.")
        if asset.get("security") not in (None, "none") and address.scheme.is_modbus:
            what = "Modbus has no protected sessions"
            yield Problem(place=f"{place}.security", what=what, suggestion="Take security out, or use an opc.tcp:// address.")


def _users(assets: Assets) -> Iterator[Problem]:
    """A secret is sent only inside a protected session, and an asset logs in as one user."""
    for place, asset in assets:
        given = [name for name in ("username_file", "user_certificate_file", "user_key_file") if name in asset]
        if given and asset.get("security", "none") == "none":
            what = "a user logs in only over a protected session"
            yield Problem(place=f"{place}.{given[0]}", what=what, suggestion='Set security = "sign-and-encrypt", or take it out.')
        if len(given) == 1 and given[0] != "username_file":
            missing = "user_key_file" if given[0] == "user_certificate_file" else "user_certificate_file"
            what = "user_certificate_file and user_key_file belong together"
            yield Problem(place=place, what=what, suggestion=f"Add {missing}.")
        if "username_file" in given and len(given) > 1:
            yield Problem(place=place, what="an asset logs in as one user", suggestion="Keep the password or the certificate.")


def _risks(assets: Assets) -> Iterator[Problem]:
    for place, asset in assets:
        if asset.get("accept_risk") and not asset.get("profile"):
            what = "a risk is accepted, and no register profile warns of one"
            yield Problem(place=f"{place}.accept_risk", what=what, suggestion="Name the profile, or take accept_risk out.")


def _twice_the_same_id(assets: Assets) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for place, asset in assets:
        name = asset.get("id")
        if name is not None and seen.setdefault(name, place) != place:
            yield Problem(
                place=f"{place}.id", what=f"{name!r} is already the id of {seen[name]}", suggestion="Give each asset its own."
            )


def _twice_the_same_endpoint(assets: Assets) -> Iterator[Problem]:
    """Two assets behind one endpoint would be one device asked twice, under two names."""
    seen: dict[tuple[object, ...], str] = {}
    for place, asset in assets:
        match asset.get("address"):
            case Address() as address:
                endpoint = (address.scheme, address.host, address.port, address.unit, address.path)
                if seen.setdefault(endpoint, place) != place:
                    what = f"{address} is already the address of {seen[endpoint]}"
                    yield Problem(
                        place=f"{place}.address", what=what, suggestion="One endpoint is one asset; check host and unit."
                    )


def _one_line_two_speeds(assets: Assets) -> Iterator[Problem]:
    """All devices of a serial line speak at one speed; an asset that says otherwise would disturb the others."""
    lines: dict[str, tuple[str, int, str]] = {}
    for place, asset in assets:
        match asset.get("address"):
            case Address(scheme=Scheme.MODBUS_RTU) as address:
                first, baud, parity = lines.setdefault(address.host, (place, address.baud, address.parity))
                if (baud, parity) != (address.baud, address.parity):
                    what = f"{address.host} runs at baud={baud}&parity={parity} for {first}"
                    yield Problem(place=f"{place}.address", what=what, suggestion="One serial line has one speed and parity.")
