"""The node's part of test_containerd, run as PID 1 of namespaces of its own: containerd as a service, an image, a
container on a network with a port of the node, and both outliving containerd. Says `ok` when all of it held."""

import asyncio
import io
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from core.base.clock import SystemClock
from core.linux.cgroup import Tree
from core.linux.init import Exit, Init
from core.linux.process import Spec, spawn
from core.linux.rights import held
from core.node.containers import cni, images, spec
from core.node.containers.client import Containerd
from core.node.containers.container import Container, Output, namespace
from core.node.resources import NAMESPACES, REGISTRY
from core.node.services.containerd import Settings, service
from core.node.services.logs import Logs
from core.node.services.service import Service
from core.node.services.supervisor import Supervisor
from core.rpc.client import Channel
from core.rpc.pb.containerd import introspection_pb2, namespaces_pb2, task_events_pb2, task_pb2
from core.rpc.status import RpcError
from core.state import Store
from tests.node.containers import oci
from tests.support.fdtable import FdTable

IMAGE = "ichor.test/hello:1"
SUBNET = "10.87.3.0/24"


class Table(FdTable):
    """init's part; as PID 1 we reap ourselves, so its journal stays empty."""

    def journal(self, since: int = 0) -> list[Exit]:
        return []


class Silence:
    """An event bus that nobody follows."""

    def publish(self, event: Message, actor_id: str = "") -> None: ...


def run(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def furnish(work: Path) -> None:
    """Private mounts; a second network namespace as somebody outside, 192.0.2.2; the node is 192.0.2.1."""
    for folder in ("/run", "/var/lib", str(work)):
        run("mount", "-t", "tmpfs", "tmpfs", folder)
    Path("/run/cni-test").mkdir()
    run("ip", "link", "set", "lo", "up")
    run("ip", "netns", "add", "outside")
    run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "eth0", "netns", "outside")
    run("ip", "addr", "add", "192.0.2.1/24", "dev", "up0")
    run("ip", "link", "set", "up0", "up")
    run("ip", "-n", "outside", "addr", "add", "192.0.2.2/24", "dev", "eth0")
    run("ip", "-n", "outside", "link", "set", "eth0", "up")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def root(programs: Path, work: Path) -> None:
    """A root of the image's own libraries for containerd and runc, with everything else at its usual place."""
    top = work / "root"
    for folder in ("upper", "work", "root"):
        (work / folder).mkdir()
    layers = f"lowerdir={programs},upperdir={work}/upper,workdir={work}/work"
    run("mount", "-t", "overlay", "overlay", "-o", layers, str(top))
    for name in ("bin", "sbin", "lib", "lib64"):
        if not (top / name).exists():
            (top / name).symlink_to(f"usr/{name}")
    for folder in ("/proc", "/sys", "/dev", "/run", "/var/lib", "/tmp"):
        (top / folder[1:]).mkdir(parents=True, exist_ok=True)
        run("mount", "--rbind", folder, f"{top}{folder}")
    # by pivot_root: from a mere chroot runc could not enter again what it has made
    script = work / "containerd"
    script.write_text(
        f'#!/bin/sh\n[ "$PIVOTED" ] || PIVOTED=1 exec /usr/bin/unshare --mount --propagation private "$0" "$@"\n'
        f'cd {top} && mkdir -p old && pivot_root . old && exec /usr/bin/containerd "$@"\n'
    )
    script.chmod(0o755)


@asynccontextmanager
async def machined(
    programs: Path, work: Path, group: str, table: Table
) -> AsyncIterator[tuple[Supervisor, Containerd, Settings, Logs]]:
    clock = SystemClock()
    tree = Tree.detect(base=group)
    settings = Settings(
        root=Path("/var/lib/containerd"),
        socket=str(work / "containerd.sock"),
        plugins=programs / "usr/lib/cni",
        networks=Path("/run/cni-test/net.d"),
        networks_kept=Path("/var/lib/kept"),
        adjusts_oom=False,
        shims=f"/{group}/podruntime/shim",
    )
    program, file = work / "containerd", work / "config.toml"
    table_of_services = [
        replace(service(clock, settings, path=file, program=str(program)), delay=0.2, oom_score=500),
        Service("cri", same_process_as="containerd"),
    ]
    logs, store = Logs(table), Store(REGISTRY, clock, NAMESPACES)
    init = cast(Init, table)
    try:
        async with Supervisor(
            table_of_services, init=init, tree=tree, logs=logs, store=store, events=Silence(), clock=clock
        ) as supervisor:
            supervisor.start("containerd")
            async with asyncio.timeout(30):
                await supervisor.unit("cri").until(lambda unit: unit.up or unit.record.restarts > 5)
            containerd = Containerd(Channel(settings.socket), clock)
            yield supervisor, containerd, settings, logs
            await containerd.channel.close()
    except BaseException:
        print(b"".join([piece async for piece in logs.find("containerd").read(tail=60)]).decode())
        raise
    finally:
        logs.close()


async def import_twice(containerd: Containerd, work: Path) -> None:
    await containerd.make_namespaces()
    await containerd.make_namespaces()
    assert (await containerd.version()).startswith("1.7")
    plugins = await containerd.call(
        "introspection", "Plugins", introspection_pb2.PluginsRequest(), introspection_pb2.PluginsResponse
    )
    well = {p.id for p in plugins.plugins if not p.init_err.code}
    assert {"overlayfs", "cri", "healthcheck"} <= well
    assert (await containerd.call("introspection", "Server", Empty(), introspection_pb2.ServerResponse)).uuid
    layers = [oci.layer({"hello": oci.compiled(work)}), oci.layer({"etc/motd": b"second layer\n"})]
    tar = oci.layout(layers, IMAGE)
    for _ in range(2):
        assert await images.load(containerd, io.BytesIO(tar)) == [IMAGE]
    assert await images.load(containerd, io.BytesIO(tar), "other:2") == ["other:2"]
    try:
        await images.load(containerd, io.BytesIO(oci.layout([oci.layer({"x": b"lie"})], "liar", lie=True)))
    except Exception as error:  # noqa: BLE001 - which one it is stands in the next line
        assert "unpacks to" in str(error), error
    else:
        raise AssertionError("a layer that is not what its image says was taken")


async def serve(
    supervisor: Supervisor, containerd: Containerd, settings: Settings, logs: Logs, work: Path, group: str
) -> None:
    """One container through its whole life."""
    fifo = str(logs.fifo("hello", work / "io" / "hello"))
    container = Container(containerd, "hello")
    image = await images.find(containerd, IMAGE)
    choices = spec.Choices(
        ["/hello", "serve"],
        image.config.config.env or (),
        hostname="hello",
        cgroup=f"/{group}/hello",
        capabilities=(*spec.CAPABILITIES, "CAP_SYS_RESOURCE"),
        memory=64 << 20,
        pids=16,
        oom_score=-500,
    )
    await container.create(image, spec.build(choices, held()))
    pid = await container.prepare(Output(fifo, fifo))
    ports = [cni.Port(18080, 8080)]
    bridge = cni.bridge("test", "cni0", SUBNET)
    loop = cni.Network(cni.loopback(), containerd.clock, settings.plugins)
    network = cni.Network(bridge, containerd.clock, settings.plugins)
    await loop.attach("hello", namespace(pid, "net"), interface="lo")
    attached = await network.attach("hello", namespace(pid, "net"), ports)
    assert attached.addresses == ("10.87.3.2/24",), attached
    follow = logs.find("hello").read(follow=True)
    await container.start()
    async with asyncio.timeout(10):
        assert await anext(follow) == b"listening, GREETING=hi\n"

    hello = str(work / "hello")
    outside = ["ip", "netns", "exec", "outside"]
    # from outside through the node's port; from the node itself by its loopback; from outside the reply is masqueraded
    assert run(*outside, hello, "call", "192.0.2.1", "18080") == "hello 192.0.2.2\n"
    assert run(hello, "call", "127.0.0.1", "18080").startswith("hello 10.87.3.1")
    # the other way: the container speaks to the outside and is seen as the node
    theirs = logs.sink("server")
    server = spawn(Spec(("/usr/sbin/ip", *outside[1:], hello, "serve"), stdout=theirs))
    os.close(theirs)
    listening = logs.find("server").read(follow=True)
    assert (await anext(listening)).startswith(b"listening")
    answer = str(logs.fifo("call", work / "io" / "call"))
    called = spec.process(spec.Choices(["/hello", "call", "192.0.2.2", "8080"]), held())
    calls = logs.find("call").read(follow=True)
    await container.execute("call", called, Output(answer, answer))
    async with asyncio.timeout(10):
        assert await anext(calls) == b"hello 192.0.2.1\n"
        assert await container.wait("call") == 0
    server.signal(signal.SIGKILL)
    await server.wait()
    await listening.aclose()

    await survive(supervisor, container, pid)
    assert run(*outside, hello, "call", "192.0.2.1", "18080") == "hello 192.0.2.2\n"
    await end(container, network, loop, ports, pid, attached)
    await follow.aclose()
    await calls.aclose()


async def survive(supervisor: Supervisor, container: Container, pid: int) -> None:
    """containerd is killed and comes back by itself; shim and container do not notice."""
    unit = supervisor.unit("containerd")
    before = unit.record.pid
    os.kill(before, signal.SIGKILL)
    async with asyncio.timeout(30):
        await unit.until(lambda unit: unit.record.restarts == 1 and unit.up)
    assert unit.record.pid not in (0, before)
    status = await container.status()
    assert status is not None
    assert (status.process.pid, status.process.status) == (pid, task_pb2.Status.RUNNING)


async def end(
    container: Container,
    network: cni.Network,
    loop: cni.Network,
    ports: list[cni.Port],
    pid: int,
    attached: cni.Attachment,
) -> None:
    containerd = container.containerd
    exits: asyncio.Queue[task_events_pb2.TaskExit] = asyncio.Queue()
    listening = asyncio.create_task(listen(containerd, exits))
    waiting = asyncio.create_task(container.wait())
    status = await container.status()
    assert status is not None
    assert status.process.pid == pid
    try:
        await container.remove()
    except RpcError as error:
        assert "running process" in error.message, error
    else:
        raise AssertionError("a running container was removed")
    await network.detach("hello", namespace(pid, "net"), ports, result=attached.result)
    await loop.detach("hello", namespace(pid, "net"), interface="lo")
    async with asyncio.timeout(10):
        await subscribed(containerd, exits)
        await container.kill(signal.SIGKILL)
        assert await waiting == 137
        event = await exits.get()
    assert (event.container_id, event.id, event.exit_status) == ("hello", "hello", 137)
    listening.cancel()
    await container.remove()
    await container.remove()
    await container.kill(signal.SIGKILL)
    assert await container.status() is None
    assert "18080" not in run("iptables-save", "-t", "nat")


async def listen(containerd: Containerd, exits: "asyncio.Queue[task_events_pb2.TaskExit]") -> None:
    async with containerd.events('topic=="/tasks/exit"', 'topic=="/namespaces/create"') as stream:
        async for envelope in stream:
            kind = task_events_pb2.TaskExit
            exits.put_nowait(kind.FromString(envelope.event.value) if "exit" in envelope.topic else kind())


async def subscribed(containerd: Containerd, exits: "asyncio.Queue[task_events_pb2.TaskExit]") -> None:
    """Provoke events until one comes back: a subscription says nothing of when it begins."""
    for number in range(1000):
        probe = namespaces_pb2.Namespace(name=f"probe{number}")
        request = namespaces_pb2.CreateNamespaceRequest(namespace=probe)
        await containerd.call("namespaces", "Create", request, namespaces_pb2.CreateNamespaceResponse)
        await asyncio.sleep(0.02)
        if not exits.empty():
            break
    while not exits.empty():
        exits.get_nowait()


async def refusals(containerd: Containerd, settings: Settings) -> None:
    network = cni.Network(cni.bridge("bad", "cni9", "not a subnet"), containerd.clock, settings.plugins)
    try:
        await network.attach("x", Path("/proc/self/ns/net"))
    except cni.PluginFailed as error:
        assert "bridge" in str(error), error
    else:
        raise AssertionError("a bad subnet was taken")


async def main() -> None:
    programs, work, group = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    furnish(work)
    root(programs, work)
    table = Table()
    async with machined(programs, work, group, table) as (supervisor, containerd, settings, logs):
        pid = supervisor.unit("containerd").record.pid
        await import_twice(containerd, work)
    async with machined(programs, work, group, table) as (supervisor, containerd, settings, logs):
        assert supervisor.unit("containerd").record.pid == pid  # the next machined found it as it was
        await serve(supervisor, containerd, settings, logs, work, group)
        await refusals(containerd, settings)
        await supervisor.stop("containerd")
        assert not Path(settings.socket).exists() or not Tree.detect(base=group).pids("system/runtime")
    table.close()
    print("ok")


asyncio.run(main())
