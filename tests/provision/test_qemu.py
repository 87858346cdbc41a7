"""The machine as a process: command line, monitor, console, power; with firmware alone where no kernel is needed."""

import os
from pathlib import Path

import pytest

from core.base.errors import AlreadyExists
from core.provision.console import died_before_init
from core.provision.qemu import Disk, Forward, Machine, MachineError, Spec
from core.provision.qemu_spec import command
from core.provision.qmp import QmpError
from tests.support.qemu import blank_disk, machine

GOOD = b"[0.0] Linux version 6\n[1.0] Run /init as init process\n"


def test_a_machine_starts_answers_and_leaves_nothing(tmp_path: Path) -> None:
    kernel = blank_disk(tmp_path / "kernel", 1 << 16)
    # a path longer than a socket address, to be reached through the folder's fd
    folder = tmp_path / ("long" * 20)
    disk = blank_disk(tmp_path / "a,b.img", 1 << 20)
    spec = {"kernel": kernel, "disks": (Disk(path=disk, serial="one"),), "memory_mib": 64, "extra": ("-S",)}
    with machine(folder, forwards=(Forward(guest=50000), Forward(guest=80)), **spec) as made:
        made.start()
        with made.monitor() as qmp:
            assert qmp.execute("query-status")["status"] == "prelaunch"
            with pytest.raises(TimeoutError):
                qmp.await_event("RESUME", 0.1)
            qmp.execute("cont")
            assert qmp.await_event("RESUME", 10)["event"] == "RESUME"
            with pytest.raises(QmpError, match="no-such-command"):
                qmp.execute("no-such-command")
        ports = made.ports()
        assert set(ports) == {50000, 80}
        assert len({*ports.values()}) == 2
        with pytest.raises(AlreadyExists):
            made.start()
        # another process would find it by its folder
        again = Machine(made.spec)
        assert again.running
        assert again.pid == made.pid
        pid = made.pid
        again.kill()
        assert not made.running
        with pytest.raises(ChildProcessError):  # reaped, though another object started it
            os.waitpid(pid or 0, os.WNOHANG)
        made.kill()
        with pytest.raises(ProcessLookupError):
            os.kill(pid or 0, 0)
    assert sorted(p.name for p in folder.iterdir()) == ["console.log", "qemu.log"]


def test_qemu_refusing_its_arguments_is_told_with_its_words(tmp_path: Path) -> None:
    with machine(tmp_path / "m", kernel=tmp_path / "absent", memory_mib=64) as made:
        with pytest.raises(MachineError, match="could not open kernel file"):
            made.start()
        assert not made.running


def test_an_exit_ends_the_wait_for_the_console(tmp_path: Path) -> None:
    kernel = blank_disk(tmp_path / "kernel", 1 << 16)
    with machine(tmp_path / "m", kernel=kernel, memory_mib=64, extra=("-S",)) as made:
        made.start()
        with made.monitor() as qmp:
            qmp.execute("quit")
        with pytest.raises(MachineError, match="QEMU exited"):
            made.expect("never", 60)
        assert made.wait(60)


def test_counting_instructions_is_one_cpu_and_no_wall_clock(tmp_path: Path) -> None:
    line = command(Spec(folder=tmp_path, kernel=tmp_path / "k", deterministic=True, cpus=4), 3)
    assert line[line.index("-smp") + 1] == "1"
    assert "shift=5,sleep=off" in line
    assert "clock=vm,base=2026-01-01" in line


@pytest.mark.parametrize(
    ("console", "died"),
    [
        (b"", False),
        (GOOD, False),
        (GOOD + b"Kernel panic - not syncing: Attempted to kill init!", False),
        (b"[0.0] Linux version 6\nOops: 0002 [#1]\n", True),
        (b"Linux version 6\ngeneral protection fault, maybe\nKernel panic - not syncing: Fatal", True),
        # the boot before this one does not count
        (b"Linux version 6\nOops: 1\n" + GOOD, False),
        (GOOD + b"Linux version 6\nBUG: unable to handle page fault\n", True),
    ],
)
def test_a_kernel_that_dies_before_init_is_told_apart(console: bytes, died: bool) -> None:
    assert died_before_init(console) is died
