"""The page of devices claims what the profiles and the recordings say, today."""

from devtools.devices import PAGE, RECORDINGS, page
from devtools.page import ROOT
from protocols.profile import bundled


def test_committed_page_is_what_profiles_and_recordings_say() -> None:
    assert (ROOT / PAGE).read_text("utf-8") == page(), "run: python -m devtools.devices"


def test_every_profile_and_every_recording_is_on_the_page() -> None:
    text = page()
    assert all(f"| `{name}` |" in text for name in bundled())
    assert all(file.name in text for file in RECORDINGS.glob("*.json"))
