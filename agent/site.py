"""What a site has beside its plant file: register profiles of its own, and what must hold between the two.

Decides whether the profiles that a plant file names exist, and whether their side effects were accepted. Never asks a device.
Only for programs that look at devices: it loads `protocols`.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from agent.core.maintenance import Window, WindowError, minute_of_day, weekdays
from agent.log import line, logger
from config.errors import ConfigError, Problem
from config.load import load, located
from config.model import Asset, CollectSection, Plant
from config.near import nearest
from protocols.profile import load_dir
from protocols.profile_form import ConnectRisk, Profile
from protocols.profile_rules import risk_problem

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

SITE_PROFILES = Path("/etc/nameplated/profiles")

MOST_MEANT = 4
"""Names that a person is reminded of at once."""

TALK = "Talk to whoever runs the device; then"

_log = logger("collect")


@cache
def profiles() -> Mapping[str, Profile]:
    """Return all register profiles, those that come with the program and the site's own. A bad file is named and passed over."""
    loaded = load_dir(SITE_PROFILES)
    for name, problems in loaded.problems.items():
        _log.warning(line("profile.passed_over", file=name, why="; ".join(problems)))
    return loaded.profiles


def profile_named(name: str, *, accept_risk: bool = False) -> Profile:
    """Return the profile that a command line names, for a device that is asked now.

    Raises:
        ConfigError: There is none of this name, it must not be asked at all, or nobody has accepted its side effects.
    """
    profile = profiles().get(name)
    if profile is None:
        raise ConfigError([_no_such_profile(name, "")], "--profile")
    if why := risk_problem(profile, accepted=accept_risk):
        remedy = "Leave it alone." if profile.connect_risk is ConnectRisk.DENY else f"{TALK} repeat this with --accept-risk."
        raise ConfigError([Problem(place="", what=why.rstrip("."), suggestion=remedy)], "--profile")
    return profile


def profiles_meant(name: str) -> str:
    """Return, as a sentence, which profiles a name that is none may have meant: those with the word in them, or the one like it."""
    within = [known for known in sorted(profiles()) if name and name.lower() in known][:MOST_MEANT]
    meant = within or list(filter(None, [nearest(name.lower(), profiles())]))
    if not meant:
        return "`nameplated profiles list` shows all there are."
    return f"Did you mean {' or '.join(map(repr, meant))}?"


def load_plant(path: Path) -> Plant:
    """Read a plant file for a program that looks at devices, and the site's profiles as they are now.

    Raises:
        ConfigError: It cannot be used, names a register profile that there is not, or one whose risk nobody accepted.
    """
    plant = load(path)
    profiles.cache_clear()
    problems = [*_problems_of_profiles(plant), *_problems_of_windows(plant.collect)]
    if problems:
        raise located(problems, path)
    return plant


def windows(settings: CollectSection) -> tuple[Window, ...]:
    """Return the maintenance windows of a plant file that `load_plant` has let pass."""
    return tuple(
        Window(
            days=weekdays(section.days),
            begin_min=minute_of_day(section.from_),
            end_min=minute_of_day(section.to),
            zone=_zone(section.timezone),
        )
        for section in settings.maintenance
    )


def _zone(name: str) -> "ZoneInfo":
    """Return a time zone; only plants with windows load what it takes."""
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)


def _problems_of_profiles(plant: Plant) -> Iterator[Problem]:
    for number, asset in enumerate(plant.asset, start=1):
        if asset.profile:
            yield from _problems_of_profile(asset, f"asset[{number}]")


def _problems_of_profile(asset: Asset, place: str) -> Iterator[Problem]:
    profile = profiles().get(asset.profile)
    if profile is None:
        yield _no_such_profile(asset.profile, f"{place}.profile")
    elif why := risk_problem(profile, accepted=asset.accept_risk):
        remedy = "Take the asset out." if profile.connect_risk is ConnectRisk.DENY else f"{TALK} set accept_risk = true."
        yield Problem(place=f"{place}.accept_risk", what=why.rstrip("."), suggestion=remedy)


def _no_such_profile(name: str, place: str) -> Problem:
    return Problem(place=place, what=f"there is no register profile {name!r}", suggestion=profiles_meant(name))


def _problems_of_windows(settings: CollectSection) -> Iterator[Problem]:
    for number, section in enumerate(settings.maintenance, start=1):
        try:
            weekdays(section.days), minute_of_day(section.from_), minute_of_day(section.to)
            _zone(section.timezone)
        except WindowError as error:
            yield Problem(place=f"collect.maintenance[{number}]", what=str(error).rstrip("."))
        except (KeyError, ValueError, OSError):  # zoneinfo has three ways to say that there is no such zone
            what = f"there is no time zone {section.timezone!r} on this machine"
            yield Problem(
                place=f"collect.maintenance[{number}].timezone", what=what, suggestion='Write one such as "Europe/Berlin".'
            )
