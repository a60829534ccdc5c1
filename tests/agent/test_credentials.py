"""A file of `[broker]` that cannot be used is named with its setting, and nothing of it is told."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.credentials import CredentialError, check, login
from tests.agent.pairs import pair


@dataclass(frozen=True)
class Files:
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    username_file: Path | None = None


@pytest.mark.parametrize("setting", ["ca_file", "certificate_file", "key_file", "username_file"])
def test_missing_file_is_named_with_its_setting(setting: str, tmp_path: Path) -> None:
    with pytest.raises(CredentialError) as caught:
        check(Files(**{setting: tmp_path / "nope.pem"}), tls=True)
    assert str(caught.value) == f"broker.{setting}: {tmp_path}/nope.pem cannot be read: No such file or directory"


def test_file_that_holds_something_else_is_named_and_not_told(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("the password is hunter2")
    with pytest.raises(CredentialError, match=r"broker\.ca_file: .*ca\.pem holds no certificate") as caught:
        check(Files(ca_file=tmp_path / "ca.pem"), tls=True)
    assert "hunter2" not in str(caught.value)


def test_key_of_another_certificate_is_named_with_it(tmp_path: Path) -> None:
    one, two = pair(tmp_path / "one"), pair(tmp_path / "two")
    check(Files(certificate_file=one, key_file=one), tls=True)
    with pytest.raises(CredentialError, match=r"broker\.certificate_file: .*broker\.key_file"):
        check(Files(certificate_file=one, key_file=two), tls=True)


def test_files_for_tls_do_not_count_in_clear(tmp_path: Path) -> None:
    check(Files(ca_file=tmp_path / "nope.pem"), tls=False)


def test_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CredentialError, match="is not a file"):
        login(tmp_path / "pipe")


def test_login_is_one_line_and_its_password_may_have_colons(tmp_path: Path) -> None:
    (tmp_path / "login").write_text("gw:a:b\n")
    assert login(tmp_path / "login") == ("gw", "a:b")


def test_login_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "login").write_bytes(b"gw:\xff")
    with pytest.raises(CredentialError, match=r"broker\.username_file: .* is not UTF-8 text"):
        login(tmp_path / "login")
