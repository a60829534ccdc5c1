"""The auditor's report: it says what was examined, with which keys, what was found, and what it cannot show."""

from datetime import UTC, datetime
from pathlib import Path

from evidence.words import words
from isms import audit
from isms.cli import main
from isms.state import State
from isms.verify import Auditor
from tests.evidence.samples import Gateway, asset, change, event, start
from tests.isms.test_cli import holding, state, write

__all__ = ["state"]

NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)


def written(lines: list[bytes]) -> str:
    auditor = Auditor(Gateway().trust)
    for number, line in enumerate(lines, 1):
        auditor.take(line, f"x|y`<b>{number}")
    return audit.report(auditor.report(), files={"reports.txt": "a" * 64}, trust=auditor.trust, now=NOW)


def tokens() -> list[bytes]:
    return [envelope.token for envelope in Gateway().chain(5)]


def test_it_names_files_keys_with_their_words_chains_and_limits() -> None:
    text = written(tokens())
    kid = Gateway().public.kid
    for part in ("**all good**", "a" * 64, kid, words(kid), "| 5 | 0 to 4 |", "## What it cannot show", "None."):
        assert part in text


def test_it_tells_every_finding_and_foreign_text_is_no_markdown() -> None:
    lines = tokens()
    clone = Gateway()
    clone.chain(2)
    text = written([*lines[:3], lines[4], clone.report(event("clone")).token, b"junk"])
    assert (
        "**NOT GOOD**" in text
        and "no signed gap accounts for it: record 3" in text
        and "claim one place" in text
        and "2 (" in text
    )
    assert "x¦y'&lt;b>6: malformed" in text


def test_verify_writes_it_beside_the_verdict(state: State, tmp_path: Path) -> None:
    report = tmp_path / "report.md"
    good = write(tmp_path / "good.txt", tokens())
    assert main(["verify", str(good), "--state", str(state.directory), "--report", str(report)]) == 0
    assert "good.txt" in report.read_text(encoding="utf-8")


def test_words_that_do_not_fit_trust_nobody(state: State, tmp_path: Path) -> None:
    import json

    other = Gateway(gateway="gw-new", seed=b"\x09" * 32)
    (tmp_path / "gw.jwk").write_text(json.dumps(other.public.jwk))
    command = ["trust", "add", str(tmp_path / "gw.jwk"), "--state", str(state.directory), "--issuer", other.iss]
    assert main([*command, "--words", words(Gateway().public.kid)]) == 78
    assert main([*command, "--words", words(other.public.kid).upper()]) == 0


def test_alarms_and_the_live_view_read_the_books(tmp_path: Path, capsys) -> None:
    today = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")  # a change leaves the list of alarms after a week
    state = holding(tmp_path, start(), asset(), change(at=today))
    directory = ["--state", str(state.directory)]
    assert main(["alarms", *directory, "--stale-h", "9999999", "--silent-min", "99999999"]) == 1
    assert "FIRMWARE-CHANGED" in capsys.readouterr().out
    assert main(["alarms", *directory, "--silent-min", "1", "--json"]) == 1
    capsys.readouterr()
    assert main(["watch", *directory, "--once"]) == 0
    assert "werk-ulm/gw-halle3" in capsys.readouterr().out
