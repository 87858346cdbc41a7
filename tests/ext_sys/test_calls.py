"""The syscall tables against the kernel: each call does what its name says, each failure is an OSError."""

import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.linux.mount import MS, bind, mount, mounts, umount
from ext import sys as kernel


def child(work: Callable[[], object]) -> None:
    """Run `work` in a fork, so that what it changes ends with it; its failure is the test's."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - crosses a process as an exit code
            print(repr(error), file=sys.stderr)
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def private() -> None:
    kernel.unshare(kernel.CLONE_NEWNS)
    mount(None, "/", None, MS.REC | MS.PRIVATE)


def test_mount_bind_remount_umount_and_the_table(tmp_path: Path) -> None:
    folder, other = tmp_path / "with space", tmp_path / "other"
    folder.mkdir()
    other.mkdir()

    def work() -> None:
        private()
        mount("tmpfs", folder, "tmpfs", MS.NOSUID | MS.NODEV, "size=1m,mode=0700")
        (folder / "file").write_text("x")
        bind(folder, other, MS.RDONLY)
        table = {one.target: one for one in mounts()}
        assert table[str(folder)].type == "tmpfs"
        assert "nosuid" in table[str(folder)].options.split(",")
        assert "size=1024k" in table[str(folder)].super_options
        assert table[str(other)].options.startswith("ro")
        with pytest.raises(OSError, match="Read-only"):
            (other / "file").write_text("y")
        umount(other)
        umount(folder, lazy=True)
        assert str(folder) not in {one.target for one in mounts()}

    child(work)


FAILURES: list[tuple[Callable[[], Any], int, str | None]] = [
    (lambda: kernel.mount("x", "/nonexistent", "tmpfs"), errno.ENOENT, "/nonexistent"),
    (lambda: kernel.umount2("/etc"), errno.EINVAL, "/etc"),
    (lambda: kernel.pivot_root("/nonexistent", "/"), errno.ENOENT, "/nonexistent"),
    (lambda: kernel.setns(0), errno.EINVAL, None),
    (lambda: kernel.prctl(99999), errno.EINVAL, None),
    (lambda: kernel.pidfd_open(2**22 + 1), errno.ESRCH, None),
    (lambda: kernel.finit_module(0), errno.ENOSYS, None),
    (lambda: kernel.reboot(12345), errno.EINVAL, None),
    (lambda: kernel.memfd_create("m" * 300, 0), errno.EINVAL, "m" * 300),
    (lambda: kernel.sethostname("n" * 100), errno.EINVAL, "n" * 100),
    (lambda: kernel.seal(0, 1), errno.EPERM, None),
]


@pytest.mark.parametrize(("call", "number", "path"), FAILURES)
def test_a_failure_is_an_oserror_with_its_place(call: Callable[[], Any], number: int, path: str | None) -> None:
    with pytest.raises(OSError) as caught:
        call()
    # a kernel without modules says ENOSYS, one with them complains about the descriptor
    assert caught.value.errno in ((number, errno.EBADF, errno.EINVAL) if number == errno.ENOSYS else (number,))
    assert caught.value.filename == path


def test_host_name() -> None:
    def work() -> None:
        kernel.unshare(kernel.CLONE_NEWUTS)
        kernel.sethostname("ichor-test")
        assert socket.gethostname() == "ichor-test"

    child(work)


def test_memory_files_are_sealed() -> None:
    fd = kernel.memfd_create("m", kernel.MFD_CLOEXEC | kernel.MFD_ALLOW_SEALING)
    os.ftruncate(fd, 100)
    kernel.seal(fd, kernel.F_SEAL_SHRINK | kernel.F_SEAL_GROW)
    for size in (99, 101):
        with pytest.raises(PermissionError):
            os.ftruncate(fd, size)
    os.close(fd)


def test_close_range_and_names() -> None:
    def work() -> None:
        high = os.dup2(0, 200)
        kernel.close_range(100, 300)
        with pytest.raises(OSError, match="Bad file"):
            os.fstat(high)
        kernel.set_name("a name that is long")
        assert Path("/proc/self/comm").read_text() == "a name that is \n"

    child(work)


def test_processes_by_descriptor() -> None:
    with subprocess.Popen(["/bin/sleep", "30"]) as process:
        pidfd = kernel.pidfd_open(process.pid)
        copy = kernel.pidfd_getfd(pidfd, 0)
        assert os.path.sameopenfile(copy, 0)
        kernel.pidfd_send_signal(pidfd, signal.SIGTERM)
        assert process.wait() == -signal.SIGTERM
        with pytest.raises(ProcessLookupError):
            kernel.pidfd_send_signal(pidfd, 0)
        os.close(copy)
        os.close(pidfd)


def test_the_peer_of_a_socket() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        pidfd = kernel.peer_pidfd(ours.fileno())
        assert f"Pid:\t{os.getpid()}\n" in Path(f"/proc/self/fdinfo/{pidfd}").read_text()
        os.close(pidfd)


def test_capabilities_as_masks() -> None:
    def work() -> None:
        effective, permitted, inheritable = kernel.capget()
        less = effective & ~(1 << kernel.CAP_SYS_TIME)
        kernel.capset(less, permitted, inheritable)
        assert kernel.capget() == (less, permitted, inheritable)

    child(work)


def test_the_kernel_log_has_a_size() -> None:
    assert kernel.klogctl(10) == b""  # SYSLOG_ACTION_SIZE_BUFFER answers with a number, not with bytes
    assert len(kernel.klogctl(3, 4096)) > 0


def test_a_filter_must_be_whole() -> None:
    with pytest.raises(ValueError, match="whole number"):
        kernel.load_filter(b"1234")
