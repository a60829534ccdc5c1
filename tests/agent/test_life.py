"""What goes wrong around a gateway, each with a real process: one line in the log, the same in `status`, and never a crash loop.

A unit is not started again after exit codes 64, 77 and 78 (tests/systemd); whatever passes by itself is waited for without an end.
"""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.demo.modbus_device import ModbusDevice, Unit, checksum
from agent.demo.opcua_device import OpcUaDevice, Specification
from agent.ending import FINAL, Exit
from agent.status import files
from buffer.journal import Journal
from buffer.outbox import Outbox
from buffer.view import JournalView
from protocols.opcua.guard import ALLOWED_SERVICES
from tests.agent.rig import ASSET, Isms, Role, command, plant, until
from tests.brokers import Mosquitto, mosquitto
from tests.buffer.samples import ROOT, in_child
from tests.faults.full import may_mount

NOBODY = ("press-07", "modbus-tcp://127.0.0.1:1?unit=1")

needs_mounts = pytest.mark.skipif(not may_mount(), reason="only root may mount")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk, or takes the network away")


@pytest.fixture
def roles() -> Iterator[list[Role]]:
    running: list[Role] = []
    yield running
    for role in running:
        if role.process.poll() is None:
            role.process.kill()
            role.process.wait()
        role.manager.close()


def started(roles: list[Role], name: str, file: Path, **more: object) -> Role:
    roles.append(Role(name, file, **more))
    return roles[-1]


def made(folder: Path, *assets: tuple[str, str], **more: object) -> Path:
    """A plant file, and the key that signs."""
    file = plant(folder, *assets, **more)
    assert command("key", "init", "--config", file).returncode == Exit.OK
    return file


def problems(role: Role) -> str:
    return "\n".join(role.status()["problems"])


def test_a_broken_plant_file_ends_the_role_for_good_and_status_names_the_line(tmp_path: Path, roles: list[Role]) -> None:
    file = plant(tmp_path, ("press-07", "modbus-tcp://127.0.0.1:99999"))
    role = started(roles, "collect", file)
    assert role.process.wait(15) == Exit.CONFIG
    assert "plant.toml:19:11: asset[1].address" in role.log
    assert "plant.toml:19:11: asset[1].address" in problems(role)


def lines(role: Role, event: str) -> list[str]:
    return [line for line in role.log.splitlines() if event in line]


def test_a_unit_whose_plant_file_is_broken_says_so_in_lines_of_the_log_one_for_each_problem(
    tmp_path: Path, roles: list[Role]
) -> None:
    file = plant(tmp_path, ("press-07", "modbus-tcp://127.0.0.1:99999"), ("mixer-2", "nonsense"))
    role = started(roles, "collect", file, as_unit=True)
    assert role.process.wait(15) == Exit.CONFIG
    assert [line.partition(" why=")[0] for line in role.log.splitlines()] == ["<3>role.ended code=78"] * 2
    assert "asset[1].address" in role.log and "asset[2].address" in role.log


@pytest.mark.parametrize("name", ["collect", "run"])
def test_a_role_that_cannot_begin_leaves_word_of_that_over_the_word_of_its_last_run(
    name: str, tmp_path: Path, roles: list[Role]
) -> None:
    file = made(tmp_path, NOBODY)
    before = started(roles, name, file)
    before.heard("READY=1")
    assert before.end() == Exit.OK
    assert "collect has ended: told to stop" in problems(before)
    file.write_text(file.read_text() + 'profile = "nope"\n')
    role = started(roles, name, file)
    assert role.process.wait(15) == Exit.CONFIG
    shown = role.status()["problems"]
    assert shown[0].startswith(f"plant file: {file}:")
    assert "there is no register profile 'nope'" in shown[0]
    assert any(line.startswith("collect has ended: ") and "there is no register profile 'nope'" in line for line in shown)
    done = command("doctor", "--config", file)
    assert "there is no register profile 'nope'" in " ".join(done.stdout.split())
    assert done.returncode == Exit.FAILED


def test_a_unit_that_does_not_know_which_gateway_it_is_leaves_its_word_in_the_folder_of_systemd(
    tmp_path: Path, roles: list[Role]
) -> None:
    file = plant(tmp_path, ("press-07", "nonsense"))
    role = started(roles, "collect", file, run_dir=tmp_path / "run")
    assert role.process.wait(15) == Exit.CONFIG
    word = files.read("collect", tmp_path / "state", run_dir=tmp_path / "run")
    assert word is not None and "asset[1].address" in word.ended


NARROWED = "from protocols.modbus import guard; guard.ALLOWED_ACCESS = range(0)"
"""An allow-list that is shorter than what the program asks: what a request outside of it would meet."""


async def test_a_request_outside_the_allow_list_ends_collect_with_a_code_that_is_not_restarted(
    tmp_path: Path, roles: list[Role]
) -> None:
    async with ModbusDevice({1: Unit(objects={0: b"ACME", 1: b"P7", 2: b"2.1"})}) as device:
        file = plant(tmp_path, ("press-07", f"modbus-tcp://127.0.0.1:{device.port}?unit=1"), interval=1)
        role = started(roles, "collect", file, first=NARROWED, as_unit=True)
        assert await asyncio.to_thread(role.process.wait, 15) == Exit.PROTOCOL in FINAL
        assert device.requests == []
    assert len(lines(role, "<2>guard.fired lane=")) == len(lines(role, "<3>role.ended code=76 why='function code 43 ")) == 1
    assert "collect has ended: function code 43 in a form that is not on the read-only allow-list" in problems(role)


async def test_a_request_outside_the_allow_list_inside_the_opc_ua_child_ends_collect_likewise(
    tmp_path: Path, roles: list[Role]
) -> None:
    device = OpcUaDevice(Specification(name="Mixer 2"))
    await device.start()
    try:
        file = plant(tmp_path, ("mixer-2", f"opc.tcp://127.0.0.1:{device.port}"), interval=1)
        file.write_text(re.sub(r"(connect_timeout_s|response_timeout_s|visit_s) = .*", r"\1 = 10", file.read_text()))
        role = started(roles, "collect", file, first=CARELESS)
        assert await asyncio.to_thread(role.process.wait, 60) == Exit.PROTOCOL
        assert set(device.requests) <= set(ALLOWED_SERVICES.values())
    finally:
        await device.stop()
    assert "nameplated: " in role.log and "i=673" in role.log.splitlines()[-1]


CARELESS = """
from protocols.opcua.reader import OpcUaReader
OpcUaReader.__init__.__defaults__ = ("tests.protocols.opcua.careless_child",)
"""


async def test_in_one_process_the_guard_ends_collect_for_good_and_publish_goes_on(tmp_path: Path, roles: list[Role]) -> None:
    async with ModbusDevice({1: Unit(objects={0: b"ACME", 1: b"P7", 2: b"2.1"})}) as device:
        file = made(tmp_path, ("press-07", f"modbus-tcp://127.0.0.1:{device.port}?unit=1"), interval=1)
        role = started(roles, "run", file, first=NARROWED)
        await asyncio.to_thread(role.heard, "STATUS=running publish; collect has ended: function code 43", within_s=20)
        assert device.requests == []
    assert "again_s" not in lines(role, "role.failed role='collect' code=76")[0]
    assert any("collect has ended: function code 43" in problem for problem in role.status()["problems"])
    assert role.end() == Exit.OK


def test_a_missing_key_ends_publish_for_good_and_status_says_so(tmp_path: Path, roles: list[Role]) -> None:
    role = started(roles, "publish", plant(tmp_path, NOBODY))
    assert role.process.wait(15) == Exit.CONFIG
    assert role.log.count("report.key") == 1
    assert "publish has ended: " in problems(role)
    assert "report.key" in problems(role)


def test_a_key_that_others_may_read_is_a_matter_of_permission(tmp_path: Path, roles: list[Role]) -> None:
    file = made(tmp_path, NOBODY)
    (tmp_path / "state" / "publish" / "report.key").chmod(0o644)
    role = started(roles, "publish", file)
    assert role.process.wait(15) == Exit.PERMISSION
    assert "publish has ended: " in problems(role)


def test_a_state_directory_that_nobody_may_write_ends_the_role_for_good(tmp_path: Path, roles: list[Role]) -> None:
    file = plant(tmp_path, NOBODY)
    file.write_text(file.read_text().replace('"state"', '"/sys/kernel/nameplated"'))
    role = started(roles, "collect", file, run_dir=tmp_path / "run")
    assert role.process.wait(15) == Exit.PERMISSION
    assert "/sys/kernel/nameplated" in role.log
    word = files.read("collect", Path("/sys/kernel/nameplated"), run_dir=tmp_path / "run")
    assert word is not None and word.ended.startswith("/sys/kernel/nameplated: permission denied.")


async def test_a_serial_adapter_that_is_unplugged_and_comes_back_is_asked_again(tmp_path: Path, roles: list[Role]) -> None:
    port = tmp_path / "adapter"
    role = started(roles, "collect", plant(tmp_path, ("meter-1", f"modbus-rtu://{port}?baud=9600&parity=N&unit=1"), interval=1))
    await asyncio.to_thread(until, lambda: "asset.unreachable" in role.log)
    assert str(port) in role.log
    unit = Unit(objects={0: b"ACME", 1: b"P7", 2: b"2.1"})
    ours, theirs = os.openpty()
    try:
        port.symlink_to(os.ttyname(theirs))
        asyncio.get_running_loop().add_reader(ours, lambda: answer(ours, unit))
        await asyncio.to_thread(until, lambda: "asset.identified" in role.log)
    finally:
        asyncio.get_running_loop().remove_reader(ours)
        os.close(ours)
        os.close(theirs)
    assert role.end() == Exit.OK


def answer(line: int, unit: Unit) -> None:
    """Answer one request on a serial line."""
    request = os.read(line, 256)
    response = request[:1] + unit.answer(request[1:-2])
    os.write(line, response + checksum(response))


def test_roles_without_a_broker_or_a_device_stay_and_say_what_is_missing(tmp_path: Path, roles: list[Role]) -> None:
    file = made(tmp_path, NOBODY, interval=1)
    collect, publish = started(roles, "collect", file), started(roles, "publish", file)
    collect.heard("READY=1")
    publish.heard("READY=1")
    until(lambda: "broker.unavailable" in publish.log and "asset.unreachable" in collect.log)
    collect.reload(), publish.reload()  # leaves word at once
    assert "not connected to the broker: 127.0.0.1:1" in problems(publish)
    shown = publish.status()
    assert [line["outcome"] for line in shown["collect"]["work"]["assets"]] == ["unreachable"]
    assert collect.process.poll() is publish.process.poll() is None


QUICK = "from agent.publish import conversation, facts; conversation.HEALTH_EVERY_S = facts.EVERY_S = 0.3"
"""A look into the journal and a health report several times a second, where one a minute is enough for a plant."""


@contextmanager
def listening(folder: Path) -> Iterator[tuple[Mosquitto, Isms]]:
    """A real broker, and who listens there."""
    with mosquitto(folder / "broker") as broker:
        isms = Isms(broker.port, folder)
        try:
            yield broker, isms
        finally:
            isms.end()


def test_why_collect_could_not_begin_reaches_the_isms(tmp_path: Path, roles: list[Role]) -> None:
    with listening(tmp_path) as (broker, isms):
        file = made(tmp_path, NOBODY, broker=broker.port)
        file.write_text(file.read_text() + 'profile = "nope"\n')
        (tmp_path / "state" / "collect").mkdir()
        collect = started(roles, "collect", file, as_unit=True)
        assert collect.process.wait(15) == Exit.CONFIG
        assert len(lines(collect, "<3>role.ended code=78 why=")) == 1
        publish = started(roles, "publish", file, first=QUICK)
        until(lambda: "there is no register profile 'nope'" in isms.role("collect").get("trouble", ""))
        assert isms.role("collect")["trouble"].startswith("has ended: ")
        assert publish.end() == Exit.OK


def test_a_collect_whose_folder_takes_no_file_is_named_everywhere(tmp_path: Path, roles: list[Role]) -> None:
    with listening(tmp_path) as (broker, isms):
        file, run_dir = made(tmp_path, NOBODY, broker=broker.port), tmp_path / "run"
        (tmp_path / "state" / "collect").symlink_to("/sys/kernel")
        collect = started(roles, "collect", file, run_dir=run_dir, as_unit=True)
        assert collect.process.wait(15) == Exit.PERMISSION
        assert len(lines(collect, "<3>role.ended code=")) == 1
        assert "collect has ended: " in problems(collect) and "journal.db" in problems(collect)
        started(roles, "publish", file, first=QUICK, run_dir=run_dir)
        until(lambda: "journal.db" in isms.role("collect").get("trouble", ""))


def test_a_login_for_the_broker_that_is_missing_is_named_in_the_log_and_by_status(tmp_path: Path, roles: list[Role]) -> None:
    file = made(tmp_path, NOBODY, more="")
    file.write_text(file.read_text().replace("[collect]", 'username_file = "login"\n[collect]'))
    publish = started(roles, "publish", file)
    publish.heard("READY=1")
    until(lambda: lines(publish, "<4>finding name='broker-login' state='bad'"))
    until(lambda: "login" in " ".join(lines(publish, "broker.unavailable")))
    publish.reload()  # leaves word at once
    assert "login: No such file or directory" in problems(publish)


async def test_a_serial_adapter_that_is_not_there_is_named_everywhere(tmp_path: Path, roles: list[Role]) -> None:
    port = tmp_path / "adapter"
    with listening(tmp_path) as (broker, isms):
        file = made(tmp_path, ("meter-1", f"modbus-rtu://{port}?unit=1"), interval=1, broker=broker.port)
        collect, publish = started(roles, "collect", file), started(roles, "publish", file, first=QUICK)
        await asyncio.to_thread(until, lambda: lines(collect, "asset.unreachable"))
        assert len([line for line in lines(collect, "asset.unreachable") if str(port) in line]) == 1
        collect.reload()
        assert [line["outcome"] for line in publish.status()["collect"]["work"]["assets"]] == ["unreachable"]
        await asyncio.to_thread(until, lambda: isms.health().get("endpoints"))
        assert [(one["asset_id"], one["outcome"]) for one in isms.health()["endpoints"]] == [("meter-1", "unreachable")]


def bring_up(role: Role) -> None:
    """Switch the loopback network of a process on, which `unshare` leaves off."""
    space = ["nsenter", f"--net=/proc/{role.process.pid}/ns/net"]
    code = "import fcntl, socket, struct; fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sH14s', b'lo', 0x49, b''))"
    subprocess.run([*space, sys.executable, "-c", code], check=True)


@needs_root
def test_no_network_at_boot_is_named_and_waited_for(tmp_path: Path, roles: list[Role]) -> None:
    file = made(tmp_path, NOBODY, interval=1)
    role = started(roles, "run", file, under=("unshare", "--net"))
    role.heard("READY=1")
    until(lambda: lines(role, "asset.unreachable") and lines(role, "broker.unavailable"))
    assert "Network is unreachable" in lines(role, "asset.unreachable")[0]
    assert "Network is unreachable" in lines(role, "broker.unavailable")[0]
    role.reload()  # leaves word at once
    assert "not connected to the broker: 127.0.0.1:1: [Errno 101] Network is unreachable" in problems(role)
    bring_up(role)
    until(lambda: any("refused" in line for line in lines(role, "broker.unavailable")), within_s=30)
    assert role.end() == Exit.OK


BEFORE_THE_BUILD = "from agent import clock; clock.MADE_S = 4e9"
"""A program that was made after what the clock says is one whose clock stands in the past."""


def test_a_clock_in_the_past_stops_nobody_and_is_named_everywhere(tmp_path: Path, roles: list[Role]) -> None:
    with listening(tmp_path) as (broker, isms):
        file = made(tmp_path, NOBODY, interval=1, broker=broker.port)
        collect = started(roles, "collect", file, first=BEFORE_THE_BUILD)
        publish = started(roles, "publish", file, first=f"{BEFORE_THE_BUILD}\n{QUICK}")
        until(lambda: "asset.unreachable" in collect.log and "broker.connected" in publish.log)
        for role in (collect, publish):
            (said,) = lines(role, "finding name='clock'")
            assert said.startswith("<4>finding name='clock' state='bad'") and "is before this program was made" in said
            role.reload()  # leaves word at once
            assert f"{role.log_file.stem}: " in problems(role) and "is before this program was made" in problems(role)
        until(lambda: isms.role("collect") and isms.role("publish"))
        for name in ("collect", "publish"):
            (clock,) = [one for one in isms.role(name)["found"] if one["name"] == "clock"]
            assert clock["state"] == "bad" and clock["remedy"].startswith("Set the clock")
        assert isms.health()["clock"] == "unsync"


def test_a_clock_that_is_confirmed_late_is_told_so_without_a_restart(tmp_path: Path, roles: list[Role]) -> None:
    sign = tmp_path / "synchronized"
    kept = f"from pathlib import Path; from agent import clock; clock.SIGNS = (Path({str(sign)!r}),)"
    with listening(tmp_path) as (broker, isms):
        file = made(tmp_path, NOBODY, broker=broker.port)
        publish = started(roles, "publish", file, first=f"{kept}\n{QUICK}", as_unit=True)

        def state() -> str:
            return next((one["state"] for one in isms.role("publish").get("found", ()) if one["name"] == "clock"), "")

        until(lambda: state() == "warn")
        sign.touch()
        until(lambda: state() == "ok")
        publish.reload()  # leaves word at once
        found = publish.status()["publish"]["vitals"]["found"]
        assert [one["state"] for one in found if one["name"] == "clock"] == ["ok"]


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """A volume that is full; what fills it can be taken away."""
    place.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], check=True)
    try:
        ballast = place / "ballast"
        subprocess.run(["dd", "if=/dev/zero", f"of={ballast}", "bs=4k"], capture_output=True, check=False)
        yield ballast
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@needs_root
@pytest.mark.parametrize(("name", "file"), [("collect", "journal.db"), ("publish", "outbox.db")])
def test_a_disk_that_is_full_at_boot_is_waited_for_and_a_reload_meanwhile_holds(
    name: str, file: str, tmp_path: Path, roles: list[Role]
) -> None:
    plant_file, run_dir = made(tmp_path, NOBODY), tmp_path / "run"
    key = (tmp_path / "state" / "publish" / "report.key").rename(tmp_path / "report.key")
    plant_file.write_text(plant_file.read_text() + f'[signing]\nkey_file = "{key}"\n')
    shutil.rmtree(tmp_path / "state")
    with small_disk(tmp_path / "state" / name) as ballast:
        role = started(roles, name, plant_file, run_dir=run_dir)
        assert role.heard("STATUS=")[-1].startswith(f"STATUS={name} waits for the disk: ")
        assert re.search(rf"<3>disk.waiting why='.*{file}: database or disk is full'", role.log)
        assert len(lines(role, "disk.waiting")) == 1
        assert f"{name}: waits for the disk: " in problems(role)
        plant_file.write_text(plant_file.read_text() + "oops = 1\n")
        role.reload()
        assert "plant.refused" in role.log
        plant_file.write_text(
            plant_file.read_text().replace("oops = 1\n", "") + ASSET.format(name="mixer-2", address="opc.tcp://127.0.0.1:1")
        )
        role.reload()
        ballast.unlink()
        until(lambda: f"{name}.started" in role.log)
        role.heard(f"STATUS=running {name}")
        if name == "collect":
            assert lines(role, "collect.started assets=2")
        assert role.end() == Exit.OK


@needs_root
def test_a_collect_that_waits_for_its_disk_is_told_to_the_isms(tmp_path: Path, roles: list[Role]) -> None:
    with listening(tmp_path) as (broker, isms):
        file, run_dir = made(tmp_path, NOBODY, broker=broker.port), tmp_path / "run"
        with small_disk(tmp_path / "state" / "collect") as ballast:
            collect = started(roles, "collect", file, run_dir=run_dir)
            collect.heard("READY=1")
            publish = started(roles, "publish", file, first=QUICK, run_dir=run_dir)
            until(lambda: "waits for the disk: " in isms.role("collect").get("trouble", ""))
            found = {one["name"]: one for one in isms.role("collect")["found"]}
            assert found["volume"]["state"] == "bad" and found["volume"]["remedy"]
            ballast.unlink()
            until(lambda: "collect.started" in collect.log)
            collect.reload()  # leaves word at once
            until(lambda: isms.role("collect")["trouble"] == "")
            assert collect.end() == publish.end() == Exit.OK


@contextmanager
def remountable(folder: Path) -> Iterator[Callable[[str], None]]:
    """A folder as a mount of its own, and what makes it read-only (`ro`) or writable (`rw`)."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "--bind", str(folder), str(folder)], check=True)
    try:
        yield lambda how: subprocess.run(["mount", "-o", f"remount,bind,{how}", str(folder)], check=True) and None
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@needs_mounts
def test_a_volume_that_is_read_only_at_boot_is_waited_for_by_both_roles(tmp_path: Path, roles: list[Role]) -> None:
    file = made(tmp_path, NOBODY)
    for name in ("collect", "publish"):
        role = started(roles, name, file)
        role.heard("READY=1")
        assert role.end() == Exit.OK
        role.log_file.unlink()
    with remountable(tmp_path / "state") as remount:
        remount("ro")
        both = [started(roles, name, file, run_dir=tmp_path / "run") for name in ("collect", "publish")]
        for role in both:
            role.heard("READY=1")
            assert re.search(
                r"<3>disk.waiting why=.*its volume is mounted read-only.* remedy=.mount the volume so that", role.log
            )
            until(lambda role=role: "its volume is mounted read-only" in problems(role))
        remount("rw")
        until(lambda: "collect.started" in both[0].log and "publish.started" in both[1].log)
        assert [role.end() for role in both] == [Exit.OK, Exit.OK]


STALLED = """
import fcntl, os, signal, sys
from pathlib import Path
from buffer.view import JournalView
if sys.argv[2] == "question":
    with JournalView.open(Path(sys.argv[1]))._asking():
        os.kill(os.getpid(), signal.SIGSTOP)
else:
    descriptor = os.open(sys.argv[1], os.O_RDONLY)
    fcntl.lockf(descriptor, fcntl.LOCK_SH, 510, 0x40000002)  # the bytes that SQLite locks for a reader
    os.kill(os.getpid(), signal.SIGSTOP)
"""


@contextmanager
def stalled_reader(journal: Path, how: str = "question") -> Iterator[subprocess.Popen[bytes]]:
    """A process that was stopped while it held the journal; `question`: in the midst of what publish asks."""
    reader = subprocess.Popen([sys.executable, "-c", STALLED, str(journal), how], cwd=ROOT)
    try:
        assert os.WIFSTOPPED(os.waitpid(reader.pid, os.WUNTRACED)[1])
        yield reader
    finally:
        reader.kill()
        reader.wait()


def journal_of(tmp_path: Path) -> Path:
    return tmp_path / "state" / "collect" / "journal.db"


def test_reader_that_stalled_before_the_start_stops_no_look_and_no_start(tmp_path: Path, roles: list[Role]) -> None:
    file = plant(tmp_path, NOBODY, interval=1)
    first = started(roles, "collect", file)
    first.heard("READY=1")
    assert first.end() == Exit.OK
    first.log_file.unlink()
    with stalled_reader(journal_of(tmp_path)):
        role = started(roles, "collect", file)
        role.heard("READY=1")
        until(lambda: "asset.unreachable" in role.log)
        assert "journal.waiting" in role.log
        assert "file.waiting" not in role.log
        role.reload()  # leaves word at once
        assert "records wait in memory" in problems(role)
    until(lambda: "in memory" not in problems(role) if role.reload() else False)
    assert role.end() == Exit.OK
    with JournalView.open(journal_of(tmp_path)) as view:
        assert "observation" in {record.kind for record in view.read(0, max_records=99, max_bytes=1 << 20)}


def test_journal_that_a_kill_left_in_mid_commit_is_waited_for_while_a_reader_stalls(tmp_path: Path, roles: list[Role]) -> None:
    file, journal = plant(tmp_path, NOBODY), journal_of(tmp_path)

    def spill_and_die() -> None:
        store = Journal.open(journal, max_bytes=1 << 20)._store
        store.run("PRAGMA cache_size = 1")
        store.run("BEGIN IMMEDIATE")
        store.run("INSERT INTO record VALUES (1, 'k', 's', 't', zeroblob(200000), 0)")
        os._exit(9)

    assert in_child(spill_and_die) == 9
    with stalled_reader(journal, "lock"):
        role = started(roles, "collect", file)
        role.heard("READY=1")
        until(lambda: re.search(r"<3>file.waiting why='.*journal.db: database is locked' remedy='end the other", role.log))
        role.reload()
        assert "collect: waits for the file" in problems(role)
        assert role.process.poll() is None
    until(lambda: "collect.started" in role.log)
    assert role.end() == Exit.OK


def test_outbox_that_another_process_holds_is_waited_for_and_never_written_by_two(tmp_path: Path, roles: list[Role]) -> None:
    file, outbox = made(tmp_path, NOBODY), tmp_path / "state" / "publish" / "outbox.db"
    with Outbox.open(outbox, max_bytes=1 << 20) as held:
        role = started(roles, "publish", file)
        role.heard("READY=1")
        until(lambda: "file.waiting" in role.log)
        role.reload()
        assert "publish: waits for the file" in problems(role)
        assert held.notes() == {}
        assert role.process.poll() is None
    until(lambda: "publish.started" in role.log)
    assert role.end() == Exit.OK


def test_status_is_well_when_all_is_well_and_says_when_a_role_was_killed(tmp_path: Path, roles: list[Role]) -> None:
    with mosquitto(tmp_path / "broker") as broker:
        file = made(tmp_path, NOBODY, broker=broker.port)
        collect, publish = started(roles, "collect", file), started(roles, "publish", file)
        collect.heard("READY=1")
        publish.heard("READY=1")
        until(lambda: "broker.connected" in publish.log)
        publish.reload()  # leaves word at once
        assert command("status", "--config", file).stdout.splitlines()[-1].startswith("all is well")
        assert command("status", "--config", file).returncode == Exit.OK
        assert collect.end() == Exit.OK
        done = command("status", "--config", file)
        assert done.returncode == Exit.FAILED
        assert "collect has ended: told to stop" in done.stdout


def test_a_reload_follows_what_is_good_and_keeps_what_was_before_something_bad(tmp_path: Path, roles: list[Role]) -> None:
    with mosquitto(tmp_path / "broker") as broker:
        file = made(tmp_path, NOBODY, broker=broker.port)
        collect, publish = started(roles, "collect", file), started(roles, "publish", file)
        collect.heard("READY=1")
        publish.heard("READY=1")
        until(lambda: publish.log.count("broker.connected") == 1)
        good = file.read_text() + ASSET.format(name="mixer-2", address="opc.tcp://127.0.0.1:1")
        file.write_text(good)
        for role in (collect, publish):
            assert role.reload()[-1] == f"STATUS=running {role.log_file.stem}"
        assert "plant.followed why='2 assets, of them 1 new and 0 moved; 0 gone'" in collect.log
        file.write_text(good + "oops = 1\n")
        for role in (collect, publish):
            assert "plant file refused, the old one holds" in role.reload()[-1]
        assert "oops: unknown key" in collect.log
        file.write_text(good)
        for role in (collect, publish):
            assert role.reload()[-1] == f"STATUS=running {role.log_file.stem}"
        file.write_text(good.replace("[collect]", 'username_file = "nope.login"\n[collect]'))
        assert "nope.login: broker.username_file: cannot be read" in publish.reload()[-1]
        file.write_text(good)
        assert publish.reload()[-1] == "STATUS=running publish"
        assert publish.log.count("broker.connected") == 1  # the connection stayed through all of it
        file.write_text(good.replace('id = "werk-ulm"', 'id = "werk-neu"').replace("[collect]", 'topic_prefix = "ot"\n[collect]'))
        assert "needs a restart: plant.id" in publish.reload()[-1]
        until(lambda: publish.log.count("broker.connected") == 2)  # another prefix, another connection
        assert publish.process.poll() is None
        assert "plant.id" in problems(publish)


async def test_a_killed_collect_leaves_every_device_alone_when_it_comes_back(tmp_path: Path, roles: list[Role]) -> None:
    async with ModbusDevice({1: Unit(objects={0: b"ACME", 1: b"P7", 2: b"2.1"})}) as device:
        file = plant(tmp_path, ("press-07", f"modbus-tcp://127.0.0.1:{device.port}?unit=1"), interval=1)
        file.write_text(re.sub(r"(backoff_\w+) = \d", r"\1 = 3", file.read_text()))
        first = started(roles, "collect", file)
        await asyncio.to_thread(until, lambda: device.connections >= 2)
        first.process.kill()
        first.process.wait()
        first.manager.close()
        before, begin = device.connections, time.monotonic()
        second = started(roles, "collect", file)
        await asyncio.to_thread(until, lambda: device.connections > before)
        assert time.monotonic() - begin > 2.5
        assert second.end() == Exit.OK


FAILS_ONCE = """
from agent import service
from agent.collect.role import Collector
from agent.core.again import Again
service.run.__defaults__ = ({"collect": Again(pause_s=0.2)},)
sleep, slept = Collector._sleep, []
async def fails(self):
    slept.append(self)
    if len(slept) == 6:
        raise ValueError("a bug")
    await sleep(self)
Collector._sleep = fails
"""


async def test_a_collect_that_fails_and_is_tried_again_in_its_process_leaves_every_device_alone_at_first(
    tmp_path: Path, roles: list[Role]
) -> None:
    async with ModbusDevice({1: Unit(objects={0: b"ACME", 1: b"P7", 2: b"2.1"})}) as device:
        file = made(tmp_path, ("press-07", f"modbus-tcp://127.0.0.1:{device.port}?unit=1"), interval=1)
        file.write_text(re.sub(r"(backoff_\w+) = \d", r"\1 = 3", file.read_text()))
        role = started(roles, "run", file, first=FAILS_ONCE)
        await asyncio.to_thread(until, lambda: lines(role, "role.failed role='collect' code=70 why='ValueError: a bug'"))
        before, begin = device.connections, time.monotonic()
        assert before >= 1
        await asyncio.to_thread(until, lambda: device.connections > before)
        assert time.monotonic() - begin > 2.5
        assert role.end() == Exit.OK
