"""One round over everything, on this machine as it is, with the attempt handed in."""

from pathlib import Path

from agent.doctor.egress import Attempt
from agent.doctor.examine import examine
from agent.doctor.finding import Finding, State
from tests.agent.deploy.plants import plant


def round_of(tmp_path: Path, *addresses: str, more: str = "") -> dict[str, Finding]:
    gateway = f'state_dir = "{tmp_path / "state"}"'
    of = plant(*addresses, broker="mqtt://127.0.0.1:1", gateway=gateway, more=more)
    found = examine(of, unit_dir=tmp_path / "units", cgroups=tmp_path / "cgroups", attempt=lambda: Attempt.REFUSED)
    return {finding.name: finding for finding in found}


def test_every_check_is_made_and_says_something(tmp_path: Path) -> None:
    found = round_of(tmp_path, "modbus-tcp://127.0.0.1")
    assert set(found) - {"systemd"} == {  # which is not everywhere
        "networks",
        "units",
        "memory-limit",
        "collect-folder",
        "publish-folder",
        "handover-folder",
        "report-key",
        "volume",
        "clock",
        "interpreter",
        "bytecode",
        "broker",
    }
    assert all(finding.detail for finding in found.values())
    assert all(finding.remedy for finding in found.values() if finding.state is not State.OK)


def test_what_a_bare_machine_lacks_is_bad_and_what_it_has_is_well(tmp_path: Path) -> None:
    found = round_of(tmp_path, "modbus-tcp://127.0.0.1")
    bad = {name for name, finding in found.items() if finding.state is State.BAD}
    assert bad == {"units", "memory-limit", "collect-folder", "publish-folder", "handover-folder", "report-key", "broker"}
    assert found["networks"].state is found["interpreter"].state is State.OK


def test_limits_are_read_from_the_group_of_each_unit(tmp_path: Path) -> None:
    unit = tmp_path / "cgroups/system.slice/nameplated-collect.service"
    unit.mkdir(parents=True)
    (tmp_path / "cgroups/cgroup.controllers").write_text("cpu memory pids\n")
    (unit / "memory.max").write_text("201326592\n")
    assert round_of(tmp_path, "modbus-tcp://127.0.0.1")["memory-limit"].detail == "limited: nameplated-collect.service 192 MiB"


def test_secrets_of_the_broker_and_serial_ports_are_looked_at_where_the_plant_has_them(tmp_path: Path) -> None:
    login = tmp_path / "login"
    login.write_text("user:password")
    login.chmod(0o644)
    found = round_of(tmp_path, "modbus-rtu:///dev/null?unit=1", more=f'username_file = "{login}"')
    assert found["broker-login"].state is State.BAD
    assert "password" not in found["broker-login"].detail
    assert found["serial-port"].state is State.OK


def test_what_a_device_is_logged_in_with_is_collects_and_looked_at_once(tmp_path: Path) -> None:
    login = tmp_path / "login"
    login.write_text("user:password")
    login.chmod(0o644)
    more = f'security = "sign"\nusername_file = "{login}"\n'
    assets = "".join(f'[[asset]]\nid = "m{number}"\naddress = "opc.tcp://127.0.0.1:{number}"\n{more}' for number in (1, 2))
    found = round_of(tmp_path, "modbus-tcp://127.0.0.1", more=assets)
    assert found["device-login"].state is State.BAD
    assert "password" not in found["device-login"].detail


def test_a_credential_that_is_not_there_is_named_whichever_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "units/nameplated-publish.service.d"
    folder.mkdir(parents=True)
    (folder / "override.conf").write_text(f"[Service]\nLoadCredentialEncrypted=broker.key:{tmp_path}/sealed\n")
    found = round_of(tmp_path, "modbus-tcp://127.0.0.1")["credential"]
    assert found.state is State.BAD and "243/CREDENTIALS" in found.remedy


def test_folders_of_another_state_directory_have_commands_that_make_them(tmp_path: Path) -> None:
    found = round_of(tmp_path, "modbus-tcp://127.0.0.1")["collect-folder"]
    assert f"install -d -o nameplated-ot -g nameplated -m 750 {tmp_path}/state/collect" in found.remedy


def test_a_report_key_that_systemd_hands_over_is_looked_for_where_it_is_sealed(tmp_path: Path) -> None:
    folder, key = tmp_path / "units/nameplated-publish.service.d", tmp_path / "sealed"
    folder.mkdir(parents=True)
    (folder / "override.conf").write_text(f"[Service]\nLoadCredentialEncrypted=report.key:{key}\n")
    missing = round_of(tmp_path, "modbus-tcp://127.0.0.1")["report-key"]
    assert missing.state is State.BAD and "systemd-creds" in missing.remedy
    key.write_bytes(b"sealed")
    assert round_of(tmp_path, "modbus-tcp://127.0.0.1")["report-key"].state is State.OK
