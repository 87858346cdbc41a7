"""Spawning: what the child is, seen by the child and by /proc; failures by step; no descriptor left behind."""

import os
import re
import resource
import select
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ext import reap
from ext import sys as kernel

EVERYTHING = (1 << 64) - 1
ENV = {"PATH": "/usr/bin:/bin"}
ALLOW = struct.pack("=HBBI", 0x06, 0, 0, 0x7FFF0000)  # the shortest filter: return SECCOMP_RET_ALLOW


@pytest.fixture(autouse=True)
def no_leak() -> Iterator[None]:
    before = os.listdir("/proc/self/fd")  # noqa: PTH208 - the names alone
    yield
    assert os.listdir("/proc/self/fd") == before  # noqa: PTH208


def run(*argv: str, keep: int = EVERYTHING, **options: Any) -> tuple[str, reap.Dead]:
    """What the program wrote, and how it ended."""
    read, write = os.pipe()
    fds = options.pop("fds", None) or (read, write, write)
    pid, pidfd = reap.spawn_process(argv, ENV, fds=fds, keep=keep, **options)
    os.close(write)
    with open(read, encoding="utf-8") as pipe:
        text = pipe.read()
    select.select([pidfd], [], [])
    dead = reap.wait(pidfd)
    os.close(pidfd)
    assert dead is not None
    assert dead.pid == pid
    return text, dead


def status(**options: Any) -> dict[str, str]:
    lines = run("/bin/cat", "/proc/self/status", **options)[0].splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_exit_code_usage_and_identity() -> None:
    _, dead = run("/bin/sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; exit 9")
    assert os.waitstatus_to_exitcode(dead.status) == 9
    assert dead.user > 0.01
    assert dead.max_rss > 500_000


def test_death_by_signal() -> None:
    assert os.waitstatus_to_exitcode(run("/bin/sh", "-c", "kill -TERM $$")[1].status) == -15


def test_signals_are_clean_whatever_the_parent_has() -> None:
    script = (
        "import os, signal, sys\nfrom ext import reap\nsignal.signal(signal.SIGUSR1, signal.SIG_IGN)\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\n"
        "pid, fd = reap.spawn_process(['/bin/cat', '/proc/self/status'], {}, fds=(0, 1, 2))\nos.waitpid(pid, 0)\n"
    )
    out = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    values = dict(line.split(":\t") for line in out.splitlines() if line.startswith("Sig"))
    assert {values[name] for name in ("SigBlk", "SigIgn", "SigCgt")} == {"0" * 16}


def test_a_start_that_fails_leaves_no_child_whatever_interrupts_it() -> None:
    script = (
        "import os, signal\nfrom ext import reap\nsignal.signal(signal.SIGALRM, lambda *_: None)\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)\nfor _ in range(300):\n try:\n"
        "  reap.spawn_process(['/nowhere'], {}, fds=(0, 1, 2))\n except FileNotFoundError:\n  pass\n"
        "signal.setitimer(signal.ITIMER_REAL, 0)\nos.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG)\n"
    )
    out = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True).stderr
    assert out.splitlines()[-1].startswith("ChildProcessError")


def test_descriptors_are_those_given_in_any_order() -> None:
    files = [os.memfd_create(f"m{n}", 0) for n in range(3)]  # without close-on-exec
    read, write = os.pipe()
    # crossed over on purpose: 0 becomes what was later, and targets are sources of others
    given = (files[2], write, write, 0, files[0], -1, files[1])
    pid, pidfd = reap.spawn_process(["/bin/ls", "-l", "/proc/self/fd"], ENV, fds=given, keep=EVERYTHING)
    os.close(write)
    with open(read, encoding="utf-8") as pipe:
        found = {int(number): target for number, target in re.findall(r" (\d+) -> (\S+)", pipe.read())}
    os.waitpid(pid, 0)
    os.close(pidfd)
    for fd in files:
        os.close(fd)
    assert {fd: found.get(fd) for fd in (0, 4, 6)} == {0: "/memfd:m2", 4: "/memfd:m0", 6: "/memfd:m1"}
    assert [fd for fd in found if fd > 6] == []


def test_identity_and_capabilities() -> None:
    keep = 1 << kernel.CAP_NET_ADMIN
    seen = status(uid=65534, gid=65533, groups=(1, 2), keep=keep, no_new_privs=True)
    assert seen["Uid"].split() == ["65534"] * 4
    assert seen["Gid"].split() == ["65533"] * 4
    assert seen["Groups"] == "1 2"
    assert {int(seen[kind], 16) for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {keep}
    assert seen["NoNewPrivs"] == "1"


def test_root_keeps_what_it_may() -> None:
    seen = status(keep=EVERYTHING & ~(1 << kernel.CAP_SYS_BOOT))
    assert not int(seen["CapBnd"], 16) >> kernel.CAP_SYS_BOOT & 1
    assert int(seen["CapEff"], 16) >> kernel.CAP_SYS_ADMIN & 1


def test_a_filter_ends_what_calls_what_it_denies() -> None:
    # load the call's number; if it is unshare's, skip one: allow, or kill the process
    program = b"".join(
        struct.pack("=HBBI", *step)
        for step in (
            (0x20, 0, 0, 0),
            (0x15, 1, 0, kernel.SYS_unshare),
            (0x06, 0, 0, 0x7FFF0000),
            (0x06, 0, 0, 0x80000000),
        )
    )
    assert status(keep=0, no_new_privs=True, seccomp=program)["Seccomp"] == "2"
    _, dead = run("/usr/bin/unshare", "--uts", "/bin/true", keep=0, no_new_privs=True, seccomp=program)
    assert dead.status & 0x7F == signal.SIGSYS


def test_limits() -> None:
    text, _ = run("/bin/sh", "-c", "ulimit -n; ulimit -c", limits=((resource.RLIMIT_NOFILE, 77, 99),))
    assert text.split()[0] == "77"


def test_cgroup_v2(tmp_path: Path) -> None:
    root = next((path for path in (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup")) if _is_v2(path)), None)
    if root is None:
        pytest.skip("no cgroup v2 hierarchy here")
    folder = root / f"ichor-test-{os.getpid()}"
    folder.mkdir()
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        text, _ = run("/bin/cat", "/proc/self/cgroup", cgroup=fd)
        os.close(fd)
        assert f"0::/{folder.name}" in text.splitlines()
    finally:
        folder.rmdir()


def _is_v2(path: Path) -> bool:
    return (path / "cgroup.procs").exists() and (path / "cgroup.controllers").exists()


def test_namespaces() -> None:
    text, _ = run(
        "/bin/sh", "-c", "echo $$; readlink /proc/self/ns/uts", namespaces=kernel.CLONE_NEWPID | kernel.CLONE_NEWUTS
    )
    pid, uts = text.splitlines()
    assert pid == "1"
    assert uts != str(Path("/proc/self/ns/uts").readlink())


FAILURES: list[tuple[Sequence[str], dict[str, Any], str]] = [
    (["/nonexistent"], {}, "spawn, exec: No such file"),
    (["/etc/passwd"], {}, "spawn, exec: Permission denied"),
    (["/bin/true"], {"directory": "/nonexistent"}, "spawn, chdir: No such file"),
    (["/bin/true"], {"fds": (999,)}, "spawn, descriptors: Bad file descriptor"),
    (["/bin/true"], {"limits": ((resource.RLIMIT_NOFILE, 9, 5),)}, "spawn, setrlimit: Invalid argument"),
    (["/bin/true"], {"cgroup": 0}, "spawn, clone3: "),
    (["/bin/true"], {"procs": (999,)}, "spawn, cgroup.procs: Bad file descriptor"),
    (["/bin/true"], {"seccomp": b"\0" * 8, "no_new_privs": True}, "spawn, seccomp: Invalid argument"),
    (["/bin/true"], {"seccomp": ALLOW, "uid": 1}, "spawn, seccomp: Permission denied"),
    (["/bin/true"], {"oom_score": 5000}, "spawn, oom_score_adj: Invalid argument"),
]


@pytest.mark.parametrize(("argv", "options", "message"), FAILURES, ids=[case[2] for case in FAILURES])
def test_a_failure_names_its_step_and_leaves_no_child(
    argv: Sequence[str], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OSError, match=message):
        reap.spawn_process(argv, ENV, **options)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@pytest.mark.parametrize(
    "options", [{"fds": (0,) * 65}, {"procs": (0,) * 17}, {"groups": (0,) * 65}, {"limits": ((0, 0, 0),) * 17}]
)
def test_too_many_of_anything(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="too many"):
        reap.spawn_process(["/bin/true"], ENV, **options)


def test_strings_that_c_would_cut() -> None:
    with pytest.raises(ValueError, match="null byte"):
        reap.spawn_process(["/bin/true", "a\0b"], ENV)
    with pytest.raises(ValueError, match="empty"):
        reap.spawn_process([], ENV)
    with pytest.raises(ValueError, match="whole instructions"):
        reap.spawn_process(["/bin/true"], ENV, seccomp=b"1234")


def test_wait_is_none_while_it_runs_and_refuses_a_stranger() -> None:
    pid, pidfd = reap.spawn_process(["/bin/sleep", "30"], ENV)
    assert reap.wait(pidfd) is None
    kernel.pidfd_send_signal(pidfd, 9)
    select.select([pidfd], [], [])
    dead = reap.wait(pidfd)
    assert dead is not None
    assert (dead.pid, dead.status) == (pid, 9)
    with pytest.raises(ChildProcessError):
        reap.wait(pidfd)
    os.close(pidfd)


def test_collect_takes_all_and_no_more_than_asked() -> None:
    children = [reap.spawn_process(["/bin/sh", "-c", f"exit {n}"], ENV) for n in range(20)]
    for _, pidfd in children:
        select.select([pidfd], [], [])
        os.close(pidfd)
    first = reap.collect(limit=7)
    dead = first + reap.collect()
    assert len(first) == 7
    assert {one.pid: os.waitstatus_to_exitcode(one.status) for one in dead} == {
        pid: n for n, (pid, _) in enumerate(children)
    }
    assert reap.collect() == []


def test_start_time_is_proc_stat_s() -> None:
    assert reap.start_time(os.getpid()) == int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    with pytest.raises(FileNotFoundError):
        reap.start_time(2**22 + 1)
