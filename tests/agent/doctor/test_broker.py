"""A dry connection tells what stands in the way of publish, and says nothing to a broker that is well."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from agent.doctor.broker import check
from agent.doctor.finding import State
from config.model import BrokerSection
from tests.agent.pairs import pair


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A broker's certificate and key in one file, vouched for by itself."""
    return pair(tmp_path_factory.mktemp("tls") / "broker.pem")


@contextmanager
def broker(certificate: Path | None = None) -> Iterator[tuple[int, list[bytes]]]:
    """A broker that takes one connection and keeps what it is told."""
    heard: list[bytes] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if certificate:
        context.load_cert_chain(certificate)

    def secured(connection: socket.socket) -> socket.socket:
        with connection:
            return context.wrap_socket(connection.dup(), server_side=True) if certificate else connection.dup()

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        listener.settimeout(5)

        def serve() -> None:
            connection, _ = listener.accept()
            connection.settimeout(5)
            with suppress(OSError), closing(secured(connection)) as channel:  # the other side may not like our certificate
                heard.append(channel.recv(100))

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1], heard
        finally:
            thread.join()


def test_broker_that_answers_is_told_nothing() -> None:
    with broker() as (port, heard):
        finding = check(BrokerSection(url=f"mqtt://127.0.0.1:{port}"))
    assert finding.state is State.OK
    assert heard == [b""]


def test_broker_that_we_believe_is_well(certificate: Path) -> None:
    with broker(certificate) as (port, heard):
        finding = check(BrokerSection(url=f"mqtts://127.0.0.1:{port}", ca_file=certificate))
    assert finding.state is State.OK and "TLSv1" in finding.detail
    assert heard == [b""]


def test_broker_that_nobody_vouches_for_is_bad(certificate: Path) -> None:
    with broker(certificate) as (port, _):
        finding = check(BrokerSection(url=f"mqtts://127.0.0.1:{port}"))
    assert finding.state is State.BAD and "not believed" in finding.detail and "ca_file" in finding.remedy


def test_broker_that_speaks_no_tls_is_bad() -> None:
    with broker() as (port, _):
        finding = check(BrokerSection(url=f"mqtts://127.0.0.1:{port}"), timeout_s=0.5)
    assert finding.state is State.BAD


def test_broker_that_is_not_there_is_bad() -> None:
    finding = check(BrokerSection(url="mqtt://127.0.0.1:1"))
    assert finding.state is State.BAD and "refused" in finding.detail


def test_broker_that_accepts_and_falls_silent_is_bad_within_the_time() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        finding = check(BrokerSection(url=f"mqtts://127.0.0.1:{listener.getsockname()[1]}"), timeout_s=0.2)
    assert finding.state is State.BAD and "no answer" in finding.detail


@pytest.mark.parametrize("setting", ["ca_file", "username_file"])
def test_missing_file_is_named_with_its_setting_and_nobody_is_asked(setting: str, tmp_path: Path) -> None:
    finding = check(BrokerSection(url="mqtts://127.0.0.1:1", **{setting: tmp_path / "none"}))
    assert finding.state is State.BAD
    assert finding.detail == f"broker.{setting}: {tmp_path}/none cannot be read: No such file or directory"
    assert f"broker.{setting}" in finding.remedy
