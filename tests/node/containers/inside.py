"""The node's part of test_containerd, run as PID 1 of namespaces of its own: containerd, an image, a container on a network
with a port of the node. Says `ok` when all of it held."""

import asyncio
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

from google.protobuf.empty_pb2 import Empty

from core.base.clock import SystemClock
from core.linux.process import Spec, spawn
from core.node.containers import cni, images, spec
from core.node.containers.client import Containerd
from core.node.containers.container import Container, Output, namespace
from core.node.services.containerd import Settings, config
from core.node.services.logs import Logs
from core.rpc.client import Channel
from core.rpc.pb.containerd import introspection_pb2, namespaces_pb2, task_events_pb2
from core.rpc.status import RpcError
from tests.node.containers import oci
from tests.support.fdtable import FdTable

HELD = frozenset(name for name in spec.CAPABILITIES)
IMAGE = "ichor.test/hello:1"
SUBNET = "10.87.3.0/24"


def run(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def furnish(work: Path) -> None:
    """Private mounts; a second network namespace as somebody outside, 192.0.2.2; the node is 192.0.2.1."""
    for folder in ("/run", "/var/lib", str(work)):
        run("mount", "-t", "tmpfs", "tmpfs", folder)
    run("ip", "link", "set", "lo", "up")
    run("ip", "netns", "add", "outside")
    run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "eth0", "netns", "outside")
    run("ip", "addr", "add", "192.0.2.1/24", "dev", "up0")
    run("ip", "link", "set", "up0", "up")
    run("ip", "-n", "outside", "addr", "add", "192.0.2.2/24", "dev", "eth0")
    run("ip", "-n", "outside", "link", "set", "eth0", "up")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def root(programs: Path, work: Path) -> str:
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
    return str(top)


async def up(programs: Path, work: Path) -> tuple[Containerd, Settings]:
    settings = Settings(
        root=Path("/var/lib/containerd"),
        socket=str(work / "containerd.sock"),
        plugins=programs / "usr/lib/cni",
        adjusts_oom=False,
        shims="",
    )
    file = work / "config.toml"
    file.write_text(config(settings))
    log = os.open(work / "containerd.log", os.O_WRONLY | os.O_CREAT)
    # a root of its own by pivot_root: from a mere chroot runc could not enter again what it has made
    pivot = f"cd {root(programs, work)} && mkdir old && pivot_root . old && exec /usr/bin/containerd --config {file}"
    argv = ("/usr/bin/unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", pivot)
    spawn(Spec(argv, {"PATH": "/usr/sbin:/usr/bin"}, stdout=log, stderr=log))
    containerd = Containerd(Channel(settings.socket), SystemClock())
    for _ in range(300):
        try:
            await containerd.ready()
            return containerd, settings
        except RpcError:
            await asyncio.sleep(0.05)
    raise AssertionError((work / "containerd.log").read_text())


async def import_twice(containerd: Containerd, work: Path) -> None:
    await containerd.make_namespaces()
    await containerd.make_namespaces()
    assert (await containerd.version()).startswith("1.7")
    plugins = await containerd.call(
        "introspection", "Plugins", introspection_pb2.PluginsRequest(), introspection_pb2.PluginsResponse
    )
    assert any(p.id == "overlayfs" and not p.init_err.code for p in plugins.plugins)
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


async def serve(containerd: Containerd, settings: Settings, work: Path, group: str) -> None:
    """One container through its whole life."""
    table = FdTable()
    logs = Logs(table)
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
    await container.create(image, spec.build(choices, HELD))
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
    called = spec.process(spec.Choices(["/hello", "call", "192.0.2.2", "8080"]), HELD)
    calls = logs.find("call").read(follow=True)
    await container.execute("call", called, Output(answer, answer))
    async with asyncio.timeout(10):
        assert await anext(calls) == b"hello 192.0.2.1\n"
        assert await container.wait("call") == 0
    server.signal(signal.SIGKILL)
    await server.wait()
    await listening.aclose()

    await end(container, network, loop, ports, pid, attached)
    await follow.aclose()
    await calls.aclose()
    logs.close()
    table.close()


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
    containerd, settings = await up(programs, work)
    try:
        await import_twice(containerd, work)
        await serve(containerd, settings, work, group)
        await refusals(containerd, settings)
    except BaseException:
        print((work / "containerd.log").read_text()[-6000:])
        raise
    await containerd.channel.close()
    print("ok")


asyncio.run(main())
