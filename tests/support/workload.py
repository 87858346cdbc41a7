"""A container on a node, run by the node's own containerd, runc and CNI plugins. Nothing on a node runs containers on
request yet, so a process of ours enters the node's namespaces and asks there: `start()` here, `main()` inside."""

import asyncio
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.base.clock import SystemClock
from core.linux import rights
from core.node.containers import cni, images, spec
from core.node.containers.client import Containerd
from core.node.containers.container import Container, Output, namespace
from core.rpc.client import Channel
from core.rpc.pb.containerd import task_pb2
from ext import sys as kernel
from tests.node.containers import oci
from tests.support.cluster import TREE, Node

IMAGE = "ichor.test/hello:1"
SUBNET = "10.88.0.0/24"
HOST_PORT = 18080


@dataclass(frozen=True, slots=True)
class Workload:
    """A container that runs: its first process and its shim as this machine counts."""

    pid: int
    shim: int
    address: str


def start(node: Node, folder: Path) -> Workload:
    """Import the image by hand, run it as `hello` on a bridge network with a port of the node."""
    tar = folder / "hello.tar"
    layers = [oci.layer({"hello": oci.compiled(folder)}), oci.layer({"etc/motd": b"second layer\n"})]
    tar.write_bytes(oci.layout(layers, IMAGE))
    said = _inside(node, "run", tar.read_bytes())
    pid, shim = _outer(node, int(said["pid"]))
    return Workload(pid, shim, str(said["address"]).partition("/")[0])


def call(node: Node, address: str, port: int) -> int:
    """Let a second process in the container connect to somebody; its exit status."""
    return int(_inside(node, "call", b"", address, str(port))["status"])


def running(node: Node) -> bool:
    """Whether containerd itself says so."""
    return bool(_inside(node, "status", b"")["running"])


def _inside(node: Node, *arguments: str | bytes) -> dict[str, str | int]:
    verb, data, *rest = arguments
    assert isinstance(data, bytes)
    command = [sys.executable, "-m", "tests.support.workload", str(node.init), str(verb), *map(str, rest)]
    done = subprocess.run(command, cwd=TREE, input=data, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    said: dict[str, str | int] = json.loads(done.stdout)
    return said


def _outer(node: Node, inner: int) -> tuple[int, int]:
    """This machine's numbers for a container's first process, which has a pid namespace of its own, and its parent."""
    for shim in node.processes():
        for pid in map(int, Path(f"/proc/{shim}/task/{shim}/children").read_text().split()):
            status = Path(f"/proc/{pid}/status").read_text()
            numbers = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()
            if len(numbers) == 4 and int(numbers[2]) == inner:
                return pid, shim
    raise AssertionError(f"the node has no container with process {inner}")


def main(target: int, verb: str, *arguments: str) -> None:
    """Enter the node; what was imported before is all there is, for its Python is not to be called."""
    data = sys.stdin.buffer.read()
    asyncio.run(asyncio.sleep(0))  # loads what a loop needs
    handle = os.pidfd_open(target)
    kernel.setns(handle, kernel.CLONE_NEWPID | kernel.CLONE_NEWNET | kernel.CLONE_NEWUTS | kernel.CLONE_NEWIPC)
    kernel.setns(handle, kernel.CLONE_NEWNS)
    child = os.fork()
    if child:
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    verbs: dict[str, Callable[..., Coroutine[Any, Any, object]]] = {"run": _run, "call": _call, "status": _status}
    print(json.dumps(asyncio.run(verbs[verb](data, *arguments))))


async def _run(data: bytes) -> dict[str, str | int]:
    async with Channel(str(_SOCKET)) as channel:
        containerd = Containerd(channel, SystemClock())
        assert await images.load(containerd, io.BytesIO(data)) == [IMAGE]
        image = await images.find(containerd, IMAGE)
        choices = spec.Choices(["/hello", "serve"], image.config.config.env or (), hostname="hello", cgroup="/hello")
        container = Container(containerd, "hello")
        await container.create(image, spec.build(choices, rights.held()))
        pid = await container.prepare(_OUTPUT)
        loop = cni.Network(cni.loopback(), containerd.clock)
        await loop.attach("hello", namespace(pid, "net"), interface="lo")
        network = cni.Network(cni.bridge("test", "cni0", SUBNET), containerd.clock)
        attached = await network.attach("hello", namespace(pid, "net"), [cni.Port(HOST_PORT, 8080)])
        await container.start()
        return {"pid": pid, "address": attached.addresses[0]}


async def _call(data: bytes, address: str, port: str) -> dict[str, str | int]:
    async with Channel(str(_SOCKET)) as channel:
        container = Container(Containerd(channel, SystemClock()), "hello")
        process = spec.process(spec.Choices(["/hello", "call", address, port]), rights.held())
        await container.execute(f"call-{port}", process, _OUTPUT)
        return {"status": await container.wait(f"call-{port}")}


async def _status(data: bytes) -> dict[str, str | int]:
    async with Channel(str(_SOCKET)) as channel:
        status = await Container(Containerd(channel, SystemClock()), "hello").status()
        return {"running": int(status is not None and status.process.status == task_pb2.Status.RUNNING)}


_SOCKET = Path("/run/containerd/containerd.sock")
_OUTPUT = Output("file:///var/log/hello.log", "file:///var/log/hello.log")

if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
