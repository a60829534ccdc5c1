"""Writes docs/devices.md from the profiles and the recordings: `python -m devtools.devices`.

Decides how the page reads, not what it says: it cannot claim a device that no profile describes, nor call one recorded that
nobody recorded.
"""

import sys

import msgspec

from agent.record.recording import Recording
from devtools.page import ROOT, main, table
from protocols.profile import bundled
from protocols.profile_form import ConnectRisk, Profile

PAGE = "docs/devices.md"
RECORDINGS = ROOT / "tests/devices"

HEAD = """\
<!-- Written by `python -m devtools.devices` from protocols/profiles and tests/devices. Change those, not this page. -->
# Devices

A device with Modbus device identification (43/14), or an OPC UA server, needs nothing of this page: leave `profile` out of the
plant file. This page lists the families whose nameplate stands elsewhere, and what each costs.

- **Requests**: what one visit sends to a device that matches; a stranger is asked fewer. A range is a map that may begin at several places.
- **Proof**: `value` where the device must say a word or a number that a document names before anything of it is believed; `shape` where
  only the form of a text is known. Name a profile only for a device that you know to be of its family; with `shape` all the more.
- **From**: `high` was made from the maker's own document, `medium` from register lists that others use.
- **Risk**: what a mere connection may do. `opt-in` must be accepted, in the plant file or with `--accept-risk`; `deny` is never
  asked: see [read-only](read-only.md).
- No profile has been tried on hardware by this project unless a recording below says so."""

ADD = """\
## A device that is missing

Write a file of the same form, check it, and put it into `/etc/nameplated/profiles/`; no code is touched. Then record the device, read
the recording, and send both: the recording becomes a test that every later version must pass.

```sh no-run: needs the device
nameplated record modbus-tcp://10.20.0.7:502?unit=1 --profile acme -o acme-p7-2.1.json
```
"""


def page() -> str:
    """Return the whole page."""
    profiles = sorted(bundled().values(), key=lambda profile: profile.id)
    return "\n\n".join([HEAD, _profiles(profiles), _recordings(), ADD])


def _profiles(profiles: list[Profile]) -> str:
    head = ("Profile", "Maker", "Devices", "Asked by", "Requests", "Proof", "From", "Risk", "Usual unit:port", "Document")
    return f"## Profiles: {len(profiles)}\n\n" + table(head, [_row(profile) for profile in profiles])


def _row(profile: Profile) -> tuple[str, ...]:
    return (
        f"`{profile.id}`",
        profile.vendor or "as it says",
        profile.devices,
        _way(profile),
        _requests(profile),
        _proof(profile),
        str(profile.confidence),
        "" if profile.connect_risk is ConnectRisk.NORMAL else str(profile.connect_risk),
        f"{profile.unit}:{profile.port}",
        profile.doc,
    )


def _way(profile: Profile) -> str:
    if profile.connect_risk is ConnectRisk.DENY:
        return "never"
    if profile.server_id:
        return "17"
    return "43/14" if profile.identification else "/".join(sorted({str(read.fc) for read in profile.reads}))


def _requests(profile: Profile) -> str:
    if profile.connect_risk is ConnectRisk.DENY:
        return "0"
    least = len(profile.reads) or 1
    most = 6 if profile.chain else least + len(profile.bases) - 1
    return str(least) if most == least else f"{least} to {most}"


def _proof(profile: Profile) -> str:
    if not profile.matches:
        return ""
    return "shape" if all(match.shape for match in profile.matches) else "value"


def _recordings() -> str:
    read = [(file, msgspec.json.decode(file.read_bytes(), type=Recording)) for file in sorted(RECORDINGS.glob("*.json"))]
    rows = [
        (
            f"[{file.stem}](../tests/devices/{file.name})",
            made.nameplate.get("manufacturer_name", ""),
            made.nameplate.get("firmware_version", ""),
            made.profile or "none",
            str(len(made.exchanges)),
            "; ".join(made.remarks),
        )
        for file, made in read
    ]
    return (
        "## Recorded\n\nEach is replayed by every run of the tests. A name with `server` is server software, not a device.\n\n"
        + table(("Recording", "Maker", "Firmware", "Profile", "Requests", "Deviations"), rows)
    )


if __name__ == "__main__":
    sys.exit(main(PAGE, page(), sys.argv[1:]))
