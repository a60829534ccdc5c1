"""The trust file: followed when it changes, and nobody is trusted while it cannot be believed."""

from pathlib import Path

from evidence.trust import save_trust
from isms.trusted import TrustFile
from tests.evidence.samples import Gateway


def test_a_change_of_the_file_is_followed(tmp_path: Path) -> None:
    path, gateway = tmp_path / "trust.json", Gateway()
    trust = TrustFile(path)
    assert trust.current().find(gateway.public.kid) is None
    save_trust(path, gateway.trust)
    assert trust.current().find(gateway.public.kid)
    save_trust(path, gateway.trust.without_key(gateway.public.kid))
    assert trust.current().find(gateway.public.kid) is None


def test_a_file_that_became_unreadable_trusts_nobody_until_it_is_mended(tmp_path: Path) -> None:
    path, gateway = tmp_path / "trust.json", Gateway()
    save_trust(path, gateway.trust)
    trust = TrustFile(path)
    assert trust.current().find(gateway.public.kid)
    path.write_text("{")
    assert trust.current().find(gateway.public.kid) is None
    save_trust(path, gateway.trust)
    assert trust.current().find(gateway.public.kid)
