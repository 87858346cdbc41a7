"""What confines the daemons of a node in the image: seen from this machine while the other tests here use them."""

import re
import signal
import time
from pathlib import Path

from daemons.spawner.table import DAEMONS
from tests.support.cluster import Node, documents
from tests.support.pid1 import until

CONFINED = {f"ichor-{daemon.name}": daemon for daemon in DAEMONS if daemon.rights.filter is not None}
MIB = 1 << 20


def pids(node: Node) -> dict[str, int]:
    """Of the confined daemons that run on this node."""
    found = {name: node.pid(name) for name in CONFINED}
    assert found["ichor-apid"]
    return {name: pid for name, pid in found.items() if pid}


def test_no_capability_no_new_privileges_a_filter(node: Node) -> None:
    for name, pid in pids(node).items():
        status = dict(re.findall(r"^(\w+):\t(.*)$", Path(f"/proc/{pid}/status").read_text(), re.M))
        assert {status[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
        assert set(status["Uid"].split()) == {str(CONFINED[name].rights.uid)}


def test_its_root_is_read_only_and_its_own(node: Node) -> None:
    for pid in pids(node).values():
        assert Path(f"/proc/{pid}/ns/mnt").readlink() != Path(f"/proc/{node.init}/ns/mnt").readlink()
        lines = [line.split() for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines()]
        assert all(options.startswith("ro") for *_, options in (line[:6] for line in lines))
        seen = {line[4] for line in lines}
        assert {target for target in seen if not target.startswith("/proc/")} == {
            "/",
            "/dev",
            "/proc",
            "/run",
            "/system",
        }


def test_its_group_is_limited(node: Node) -> None:
    groups = node.root / "sys/fs/cgroup"
    for name, pid in pids(node).items():
        group = f"system/{name.removeprefix('ichor-')}"
        assert all(
            line.endswith(f"/{group}")
            for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()
            if "memory" in line
        )
        limits = [groups / "memory" / group / "memory.limit_in_bytes", groups / group / "memory.max"]
        (limit,) = [int(path.read_text()) for path in limits if path.exists()]
        assert limit == 128 * MIB
        counts = [groups / "pids" / group / "pids.max", groups / group / "pids.max"]
        assert [int(path.read_text()) for path in counts if path.exists()] == [64]


def test_workers_have_a_group_and_what_the_kernel_refused_is_told(node: Node) -> None:
    groups = node.root / "sys/fs/cgroup"
    counts = [groups / "pids/system/workers/pids.max", groups / "system/workers/pids.max"]
    assert [int(path.read_text()) for path in counts if path.exists()] == [16]
    told = {row["metadata"]["id"] for row in documents(node.ichorctl("get", "unappliedlimits", "-o", "json").out)}
    protects = [path for path in (groups / "system/apid/memory.min",) if path.exists()]
    assert ("system/apid/memory.min" in told) is not bool(protects)
    assert not {f"system/{name}/pids.max" for name in ("apid", "trustd", "workers")} & told


def test_a_call_that_is_not_allowed_is_named_in_log_and_service(node: Node) -> None:
    """SIGSYS from outside stands for a refused call, and the kernel's log is given what it says of a real one."""
    record = f'audit: type=1326 audit({time.time():.3f}:1): auid=1 uid=50 comm="ichor-apid" sig=31 syscall=319 compat=0'
    old = node.kill("ichor-apid", signal.SIGSYS)
    Path("/dev/kmsg").write_text(f"<5>{record}\n")
    until(lambda: node.pid("ichor-apid") not in (0, old), 30, "another apid")
    node.await_answer()
    with node.following("logs", "machined", "--follow") as lines:
        lines.until("apid: killed by SIGSYS")
        lines.until("apid was killed for calling memfd_create")
    assert "killed by SIGSYS" in node.ichorctl("service", "apid").out
