"""The machine is judged by its figures; every judgement that is not good names a remedy."""

from agent.doctor.finding import Finding, State
from agent.doctor.machine import LEAST_FREE_BYTES, bytecode, clock, interpreter, memory_limit, systemd, volume

MIB = 1024 * 1024


def remedied(finding: Finding, state: State) -> bool:
    return finding.state is state and bool(finding.remedy) == (state is not State.OK)


def test_kernel_without_account_of_memory_is_bad() -> None:
    assert remedied(memory_limit("cpuset cpu io pids\n", {}), State.BAD)
    assert remedied(memory_limit(None, {"a.service": "1000"}), State.BAD)


def test_finite_limits_are_shown_by_unit() -> None:
    finding = memory_limit("cpu memory\n", {"b.service": f"{128 * MIB}\n", "a.service": f"{192 * MIB}\n", "c.service": None})
    assert remedied(finding, State.OK)
    assert "a.service 192 MiB, b.service 128 MiB" in finding.detail


def test_unit_without_a_limit_is_named() -> None:
    finding = memory_limit("memory", {"a.service": "max\n", "b.service": "1000"})
    assert remedied(finding, State.WARN) and "a.service" in finding.detail


def test_without_a_running_unit_nobody_knows() -> None:
    assert remedied(memory_limit("memory", {"a.service": None}), State.UNKNOWN)


def test_clock_before_the_program_was_made_is_bad_whoever_confirms_it() -> None:
    assert remedied(clock(now_s=0, made_s=1, synchronized=True), State.BAD)


def test_clock_that_nobody_confirmed_is_a_warning() -> None:
    assert remedied(clock(now_s=2, made_s=1, synchronized=False), State.WARN)
    assert remedied(clock(now_s=2, made_s=1, synchronized=True), State.OK)


def test_volume_must_hold_what_the_spool_may_still_grow_by() -> None:
    assert remedied(volume(free_bytes=400 * MIB, still_needed_bytes=300 * MIB, read_only=False), State.OK)
    assert remedied(volume(free_bytes=200 * MIB, still_needed_bytes=300 * MIB, read_only=False), State.WARN)
    assert remedied(volume(free_bytes=LEAST_FREE_BYTES - 1, still_needed_bytes=0, read_only=False), State.BAD)
    assert remedied(volume(free_bytes=400 * MIB, still_needed_bytes=0, read_only=True), State.BAD)


def test_old_interpreter_or_database_is_bad_and_a_narrow_machine_a_warning() -> None:
    assert remedied(interpreter(python=(3, 10, 9), sqlite=(3, 40, 1), bits=64), State.BAD)
    assert remedied(interpreter(python=(3, 11, 2), sqlite=(3, 36, 0), bits=64), State.BAD)
    assert remedied(interpreter(python=(3, 11, 2), sqlite=(3, 40, 1), bits=32), State.WARN)
    assert interpreter(python=(3, 11, 2), sqlite=(3, 40, 1), bits=64).detail == "Python 3.11.2, SQLite 3.40.1, 64 bits"


def test_packages_without_bytecode_are_counted() -> None:
    finding = bytecode({"asyncua": 120, "msgspec": 0})
    assert remedied(finding, State.WARN) and "asyncua (120)" in finding.detail and "msgspec" not in finding.detail
    assert remedied(bytecode({"asyncua": 0}), State.OK)


def test_directives_that_an_older_systemd_passes_over_are_named() -> None:
    (finding,) = systemd("systemd 248 (248.3-1ubuntu8)\n+PAM", sealed=False)
    assert finding.state is State.WARN and "SocketBindDeny=" in finding.detail and "NoExecPaths=" not in finding.detail
    assert systemd("systemd 249 (249.11)\n+PAM", sealed=False)[0].state is State.OK
    (finding,) = systemd("systemd 249 (249.11)\n+PAM", sealed=True)
    assert "LoadCredentialEncrypted=" in finding.detail and "250" in finding.remedy


def test_systemd_that_was_built_without_a_directive_says_so() -> None:
    (finding,) = systemd("systemd 252 (252.39-1~deb12u2)\n+PAM -BPF_FRAMEWORK -XKBCOMMON", sealed=True)
    assert finding.state is State.OK and "SocketBindDeny=" in finding.detail


def test_machine_without_systemd_has_nothing_to_say_of_it() -> None:
    assert systemd("", sealed=False) == []
