"""What a daemon and a worker are left with."""

import asyncio
import ctypes
import gc
import os
import re
import select
import signal
import socket
import time
import traceback
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import uvloop

from core.linux.mount import mounts
from core.linux.syscalls import number
from daemons.spawner.forking import fork
from daemons.spawner.table import APID, DAEMONS, JOBS, Rights
from ext import sys as kernel
from tests.support.ask import ask, replaced, settled
from tests.support.pid1 import Node, until

LIBC = ctypes.CDLL(None)


def status(node: Node, pid: int) -> dict[str, str]:
    lines = node.path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def descriptors(node: Node, pid: int) -> dict[int, str]:
    folder = node.path(f"/proc/{pid}/fd")
    return {int(entry.name): re.sub(r"\d+", "N", str(entry.readlink())) for entry in folder.iterdir()}


def test_apid_is_nobody(running: Node) -> None:
    pid = settled(running)["apid"]
    seen = status(running, pid)
    assert seen["Uid"].split() == ["50"] * 4
    assert seen["Gid"].split() == ["50"] * 4
    assert seen["Groups"] == ""
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(seen[kind], 16) == 0, kind
    assert seen["NoNewPrivs"] == "1"
    assert seen["Seccomp"] == "2"
    assert int(seen["SigBlk"], 16) == 0
    assert int(seen["SigIgn"], 16) == 1 << 12  # a broken pipe, and nothing else
    assert seen["Threads"] == "1"


def test_machined_keeps_its_rights_but_for_the_power_switch(running: Node) -> None:
    pid = settled(running)["machined"]
    seen = status(running, pid)
    for kind in ("CapEff", "CapBnd"):
        assert not int(seen[kind], 16) >> kernel.CAP_SYS_BOOT & 1
        assert int(seen[kind], 16) >> kernel.CAP_SYS_ADMIN & 1
    assert seen["NoNewPrivs"] == "0"
    assert int(seen["SigBlk"], 16) == 0


def test_mount_namespaces(running: Node) -> None:
    pids = settled(running)
    spaces = {name: running.path(f"/proc/{pid}/ns/mnt").readlink() for name, pid in pids.items()}
    init = running.path("/proc/1/ns/mnt").readlink()
    assert spaces["spawner"] == spaces["machined"] == init
    assert spaces["apid"] != init


def test_names(running: Node) -> None:
    for name, pid in settled(running).items():
        line = running.path(f"/proc/{pid}/cmdline").read_bytes()
        assert line.rstrip(b"\0") == f"ichor-{name}".encode()


def test_descriptors_are_the_listed_ones(running: Node) -> None:
    pids = settled(running)
    apid = descriptors(running, pids["apid"])
    assert apid[0] == "/dev/null"
    assert apid[1] == apid[2] == "pipe:[N]"
    # its control socket, its door, and what its own event loop opened
    listed = ["anon_inode:[eventpoll]", *["socket:[N]"] * 4]
    until(
        lambda: sorted(kind for fd, kind in descriptors(running, pids["apid"]).items() if fd > 2) == listed,
        what="apid to have what is listed alone",
    )
    spawner = descriptors(running, pids["spawner"])
    # init, and a control socket and a pidfd for each daemon
    assert sorted(kind for fd, kind in spawner.items() if fd > 2) == sorted(
        ["socket:[N]"] * 3 + ["anon_inode:[pidfd]"] * 2
    )


def test_what_apid_prints_is_kept_in_a_pipe(running: Node) -> None:
    settled(running)
    fd = running.init().get("log.apid.read")
    assert fd is not None
    with open(fd, "rb") as pipe:
        until(lambda: pipe.readline() == b"apid stand-in\n", what="its line")


def test_workers(running: Node) -> None:
    settled(running)
    denied = ask(running, "work", function="os:system", payload="true")
    assert denied == {"error": "Denied: no worker may run os:system"}
    failed = ask(running, "work", function="core.pki.jobs:issue", payload="x")
    assert "WorkFailed: core.pki.jobs:issue: ValidationError" in failed["error"]
    until(lambda: not running.pid_of("ichor-issue"), what="the worker to go")


CONFINED = {daemon.name: daemon.rights for daemon in DAEMONS if daemon.rights.filter is not None} | {
    job.function: job.rights for job in JOBS
}
# what an intruder wants first: programs, other processes, the kernel's larger doors, another root's rights
FORBIDDEN = (
    "execve execveat fork vfork ptrace process_vm_readv process_vm_writev pidfd_getfd process_madvise mount umount2"
    " unshare setns pivot_root chroot open_by_handle_at bpf perf_event_open userfaultfd init_module finit_module"
    " kexec_load keyctl add_key setuid setresuid setgroups capset personality memfd_create io_uring_enter seccomp"
    " unlink unlinkat rename mkdir chmod fchmodat openat2 mknod symlink link truncate ftruncate inotify_init1"
    " sched_setscheduler setrlimit syslog reboot iopl ioperm swapon settimeofday clock_settime setns quotactl listen"
)


@pytest.mark.parametrize("who", CONFINED)
def test_a_forbidden_call_ends_it(who: str) -> None:
    """Each in a child made as the spawner makes them, with the rights of its own table."""
    ended = {name: _child(CONFINED[who], partial(_call, number(name))) for name in FORBIDDEN.split()}
    assert {name: status for name, status in ended.items() if status != -signal.SIGSYS} == {}


@pytest.mark.parametrize("who", CONFINED)
def test_neither_a_process_nor_a_namespace_nor_a_strange_socket(who: str) -> None:
    rights = CONFINED[who]
    for flags in (signal.SIGCHLD, kernel.CLONE_NEWUSER | signal.SIGCHLD):
        assert _child(rights, partial(_call, number("clone"), flags)) == -signal.SIGSYS
    for family in (socket.AF_PACKET, socket.AF_VSOCK, socket.AF_ALG):
        assert _child(rights, partial(_call, number("socket"), family, socket.SOCK_RAW)) == -signal.SIGSYS


@pytest.mark.parametrize("who", CONFINED)
def test_nothing_can_be_written_and_no_volume_is_seen(who: str) -> None:
    def work() -> None:
        seen = {mounted.target: mounted.options for mounted in mounts()}
        assert {target for target, options in seen.items() if not options.startswith("ro")} == set()
        assert not {"/tmp", "/var", "/sys", "/system/state", "/dev/shm"} & seen.keys()
        for folder in ("/", "/dev", "/run", "/tmp"):
            with pytest.raises(OSError):  # read-only, or another's
                os.close(os.open(f"{folder}/ichor-test", os.O_CREAT | os.O_WRONLY))
        Path(os.devnull).write_text("is no file")

    assert _child(CONFINED[who], work) == 0


def test_a_daemon_that_calls_what_it_may_not_is_ended_told_of_and_replaced(running: Node) -> None:
    old = settled(running)["apid"]
    until(lambda: int(status(running, old)["SigCgt"], 16) >> signal.SIGUSR1 - 1 & 1, what="its handler")
    running.kill(old, signal.SIGUSR1)
    assert replaced(running, "apid", old) != old
    until(lambda: ["apid", old, signal.SIGSYS, False] in ask(running, "news"), what="the news")


def test_a_confined_child_lives_by_what_is_allowed() -> None:
    """Threads, time, memory, sockets, a failing assert with its traceback: what no test of a daemon may come by."""

    def work() -> None:
        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(lambda n: len(bytes(n)), (1 << 20, 1 << 25, 1 << 28))) > 1 << 28
        uvloop.run(_serve(door))
        time.localtime()
        os.urandom(32)
        os.sched_getaffinity(0)
        os.cpu_count()
        signal.raise_signal(signal.SIGWINCH)
        gc.collect()
        traceback.format_exc()
        warnings.warn("told once", stacklevel=1)

    with warnings.catch_warnings(), socket.create_server(("127.0.0.1", 0)) as door:
        warnings.simplefilter("ignore")
        assert _child(APID.rights, work, door.fileno()) == 0
    assert _child(APID.rights, os.abort) == -signal.SIGABRT


def test_it_survives_being_stopped_and_continued() -> None:
    """A wait that a signal broke off is begun again by a call of its own."""
    pid = _fork(APID.rights, lambda: select.select([], [], [], 1.5))
    until(lambda: _seccomp(pid) == "2", what="the filter")
    os.kill(pid, signal.SIGSTOP)
    os.waitid(os.P_PID, pid, os.WSTOPPED)
    os.kill(pid, signal.SIGCONT)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.parametrize("rights", [*(daemon.rights for daemon in DAEMONS), *(job.rights for job in JOBS)])
def test_none_can_be_dumped_or_looked_into(rights: Rights) -> None:
    """Without its filter, which would not let it ask."""

    def work() -> None:
        assert kernel.prctl(kernel.PR_GET_DUMPABLE) == 0

    assert _child(replace(rights, filter=None), work) == 0


async def _serve(door: socket.socket) -> None:
    """Resolve, dial, and accept at a door that was given."""
    loop = asyncio.get_running_loop()
    await loop.getaddrinfo("localhost", 1)
    door.setblocking(False)
    reader, writer = await asyncio.open_connection(*door.getsockname())
    caller, _ = await loop.sock_accept(door)
    caller.close()
    assert await reader.read() == b""
    writer.close()


def _call(call: int, *arguments: int) -> None:
    """Any system call, with arguments that do no harm where it is let through."""
    LIBC.syscall(call, *arguments, *(0,) * (5 - len(arguments)))


def _seccomp(pid: int) -> str:
    return Path(f"/proc/{pid}/status").read_text().partition("Seccomp:")[2].split()[0]


def _fork(rights: Rights, work: Callable[[], object], *keep: int) -> int:
    """As the spawner does, its sealed interpreter apart."""

    def run() -> None:
        work()

    return fork(replace(rights, oom_score=None), (0, 1, 2, *keep), lambda: None, run)


def _child(rights: Rights, work: Callable[[], object], *keep: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(_fork(rights, work, *keep), 0)[1])
