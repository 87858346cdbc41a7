"""What a daemon and a worker are left with."""

import re
import subprocess
import sys

from ext import sys as kernel
from tests.support.ask import ask, settled
from tests.support.pid1 import Node, until


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
    # its control socket, and what its own event loop opened
    listed = ["anon_inode:[eventpoll]", "socket:[N]", "socket:[N]", "socket:[N]"]
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


def test_a_filter_ends_who_execs() -> None:
    """The same filter, in a process that tries."""
    script = (
        "import os\nfrom core.linux import seccomp\nfrom daemons.spawner.table import NO_PROGRAMS\n"
        "from ext import sys as k\nk.prctl(k.PR_SET_NO_NEW_PRIVS, 1)\nseccomp.load(NO_PROGRAMS)\n"
        "print('lives', flush=True)\nos.execv('/bin/true', ['true'])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "lives\n"
    assert done.returncode == -31  # SIGSYS
