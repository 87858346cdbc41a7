"""The verbs that look at a node and at what it holds, beside what this machine sees of the same node."""

import io
import json
import os
import subprocess
import tarfile
import uuid
from pathlib import Path
from typing import Any

import pytest

from core.base.units import format_size
from core.cli.cgroups import PRESETS
from core.cli.main import VERBS
from core.rpc.pb.cluster import cluster_pb2
from tests.support.cluster import Node, documents


def told(node: Node, *arguments: str) -> dict[str, Any]:
    """What a verb says of the node, as JSON."""
    (answer,) = documents(node.ichorctl(*arguments, "-o", "json").out)
    assert answer["node"] == node.address
    return dict(answer)


def inside(node: Node, *command: str) -> str:
    """What a program of this machine says in the node's network and process namespaces."""
    into = ["nsenter", "--net", "--pid", "--target", str(node.init)]
    return subprocess.run([*into, *command], capture_output=True, text=True, check=True).stdout


def test_memory_and_mounts(node: Node) -> None:
    whole = int(Path("/proc/meminfo").read_text().split()[1])
    assert int(told(node, "memory")["meminfo"]["memtotal"]) == whole
    assert str(whole >> 10) in node.ichorctl("free").out.splitlines()[1].split()
    assert any(line.split()[1:] == ["memtotal", str(whole)] for line in node.ichorctl("memory", "-v").out.splitlines())
    mounted = {stat["mountedOn"]: stat for stat in told(node, "mounts")["stats"]}
    assert {"/", "/var", "/system/state", "/run"} <= mounted.keys()
    assert "MOUNTED ON" in node.ichorctl("mount").out


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("vm/overcommit_memory", 1), ("vm/panic_on_oom", 0), ("kernel/panic", 10), ("kernel/panic_on_oops", 1)),
        *(("kernel/keys/root_maxkeys", 1_000_000), ("kernel/keys/root_maxbytes", 25_000_000)),
    ],
)
def test_sysctls_of_the_machine_read_as_the_kubelet_wants_them(node: Node, name: str, value: int) -> None:
    """And stay the machine's: who sets one is refused."""
    own = Path("/proc/sys", name).read_text()
    assert node.ichorctl("read", f"/proc/sys/{name}").out == f"{value}\n"
    with pytest.raises(OSError, match="Read-only file system"):
        (node.root / "proc/sys" / name).write_text(f"{value}\n")
    assert Path("/proc/sys", name).read_text() == own


def test_processes_are_the_nodes_own(node: Node) -> None:
    found = {int(info["pid"]): info for info in told(node, "processes")["processes"]}
    assert found[1]["command"] == "init"
    names = {info["command"] for info in found.values()}
    assert names >= {"ichor-spawner", "ichor-machined", "ichor-apid", "containerd"}
    assert names <= set(node.processes().values())
    shown = node.ichorctl("ps", "--sort", "cpu").out.splitlines()
    assert shown[0].split()[1:4] == ["PID", "STATE", "THREADS"]
    assert len(shown) > 5


def _netstat(node: Node, *flags: str) -> list[dict[str, Any]]:
    (answer,) = documents(node.ichorctl("netstat", *flags, "--output", "json").out)
    return list(answer["connectrecord"])


def test_sockets(node: Node) -> None:
    rows = inside(node, "ss", "-tlnH").splitlines()
    listening = {row.split()[3].rpartition(":")[2] for row in rows}
    said = _netstat(node, "--listening", "--tcp", "--programs")
    assert {str(record["localport"]) for record in said} == listening >= {"50000"}
    assert {r["process"]["name"] for r in said if r["localport"] == 50000} <= {"ichor-apid", "init"}
    assert "ESTABLISHED" in node.ichorctl("ss", "-a", "-x", "-o").out


def test_folders_and_their_sizes(node: Node) -> None:
    names = node.ichorctl("ls", "/usr/lib/ichor", "--type", "d").out.split()
    assert {".", "core", "daemons", "ext"} <= set(names)
    long = node.ichorctl("list", "-l", "/tmp", "-d", "0").out
    assert long.split()[:3] == ["dtrwxrwxrwx", "0", "0"]
    assert "no such file" in node.ichorctl("list", "/nowhere", code=1).err
    deep = [json.loads(line) for line in node.ichorctl("list", "-r", "/etc", "-o", "json").out.splitlines()]
    there = {str(path.relative_to(node.root / "etc")) for path in (node.root / "etc").rglob("*")}
    assert {info["relativeName"] for info in deep} == there | {"."}
    du = subprocess.run(["du", "-bl", node.root / "etc"], capture_output=True, text=True, check=True).stdout
    assert node.ichorctl("du", "/etc").out.split()[-2:] == [du.split()[-2], "."]


def test_copies_of_trees_and_of_what_the_kernel_writes(node: Node, tmp_path: Path) -> None:
    node.ichorctl("cp", "/etc", str(tmp_path / "etc"))
    for path in (node.root / "etc").rglob("*"):
        mine = tmp_path / "etc" / path.relative_to(node.root / "etc")
        assert mine.is_symlink() == path.is_symlink()
        if path.is_file() and not path.is_symlink():
            assert mine.read_bytes() == path.read_bytes()
    command = node.home.command("copy", "-n", node.address, "/proc/sys/kernel/random", "-")
    done = subprocess.run(command, env=node.home.environment, capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        reader = archive.extractfile("boot_id")
        assert reader is not None
        assert reader.read().decode() == node.ichorctl("read", "/proc/sys/kernel/random/boot_id").out


def test_volumes_and_meta(node: Node) -> None:
    volumes = {volume["volume"]: volume for volume in told(node, "diskfree")["volumes"]}
    size = os.statvfs(node.root / "var")
    assert int(volumes["EPHEMERAL"]["size"]) == size.f_frsize * size.f_blocks
    assert "INODES" in node.ichorctl("df", "-i").out
    value = uuid.uuid4().hex
    node.ichorctl("meta", "write", "0x7f", value)
    try:
        (key,) = documents(node.ichorctl("get", "meta", "0x7f", "-o", "json").out)
        assert key["spec"] == {"value": value}
    finally:
        node.ichorctl("meta", "delete", "127")
    assert "no key 0x7f" in node.ichorctl("meta", "delete", "127", code=1).err
    assert node.ichorctl("get", "meta", "0x7f", code=1).err


def test_packets(node: Node, tmp_path: Path) -> None:
    """Of the very connection by which they are captured, in the kernel's own words."""
    program = subprocess.run(
        ["tcpdump", "-dd", "-y", "EN10MB", "tcp port 50000"], capture_output=True, text=True, check=True
    ).stdout
    file = tmp_path / "packets"
    said = ""
    for seconds in ("500ms", "5s", "30s"):  # as many as it takes where everything is slow
        node.ichorctl("pcap", "--bpf-filter", program, "--duration", seconds, "-o", str(file))
        read = ["tcpdump", "-nn", "-r", str(file), "tcp port 50000"]
        said = said or subprocess.run(read, capture_output=True, text=True, check=True).stdout
        if said:
            break
    assert f"{node.address}.50000" in said
    assert "nowhere0" in node.ichorctl("pcap", "-i", "nowhere0", "-o", str(file), code=1).err


def test_containers_images_and_the_graph(node: Node) -> None:
    assert told(node, "containers")["containers"] == told(node, "stats")["stats"] == []
    assert 'container "none" not found' in node.ichorctl("restart", "none", code=1).err
    assert told(node, "containers", "-k")["containers"] == []
    for namespace in ("cri", "system", "inmem"):
        assert told(node, "image", "list", "--namespace", namespace)["images"] == []
    assert "not on this node" in node.ichorctl("image", "remove", "none:1", code=1).err
    graph = node.ichorctl("inspect", "dependencies").out
    assert '"config.MachineTypeController" [' in graph or '-> "config.MachineTypeController"' in graph
    assert "shape=box" in node.ichorctl("inspect", "dependencies", "--with-resources").out


def test_control_groups(node: Node) -> None:
    shown = node.ichorctl("cg", "--preset", "process").out.splitlines()
    assert shown[0].split() == ["NODE", "GROUP", "PROCESSES", "THREADS", "TASKS", "MAX"]
    assert shown[1].split()[1] == "/"
    groups = {row["group"]: row for row in documents(node.ichorctl("cgroups", "-o", "json").out)}
    assert groups["/system/apid"]["max"] == format_size(128 << 20)
    assert groups["/system/apid"]["current"].endswith("B")
    for preset in PRESETS:
        assert node.ichorctl("cgroups", "--preset", preset).out.count("\n") == len(groups) + 1


def test_time_is_asked_of_whom_one_names(node: Node) -> None:
    assert "cannot be asked" in node.ichorctl("time", "--check", "255.255.255.255", code=1).err


def test_health_is_told_line_by_line(node: Node) -> None:
    assert "waiting for the node to be ready: OK" in node.ichorctl("health", "--wait-timeout=1m").out
    assert "leave --server=false out" in node.ichorctl("health", "--server=false", code=1).err

    async def lines(channel: Any) -> list[str]:
        path, request = "/cluster.ClusterService/HealthCheck", cluster_pb2.HealthCheckRequest()
        request.wait_timeout.seconds = 30
        return [p.message async for p in channel.server_stream(path, request, cluster_pb2.HealthCheckProgress)]

    said = node.call(lines)
    assert said[0].startswith("waiting for all services to be up and healthy: ")
    assert "waiting for the node to be ready: OK" in said


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_for_the_shell(node: Node, shell: str) -> None:
    assert "ichorctl" in node.home.ichorctl("completion", shell).out


def test_completing_names_the_verbs(node: Node) -> None:
    words = {"_ICHORCTL_COMPLETE": "bash_complete", "COMP_WORDS": "ichorctl ", "COMP_CWORD": "1"}
    done = subprocess.run(
        node.home.command(), env=node.home.environment | words, capture_output=True, text=True, check=True
    )
    assert {line.partition(",")[2] for line in done.stdout.splitlines()} == set(VERBS)
