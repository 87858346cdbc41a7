"""The node's part of test_containerd, run as PID 1 of namespaces of its own: containerd as a service, an image, a
container on a network with a port of the node, and both outliving containerd. Says `ok` when all of it held."""

import asyncio
import io
import os
import select
import signal
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import suppress
from pathlib import Path
from typing import Any

from google.protobuf.empty_pb2 import Empty

from core.linux.cgroup import Tree
from core.linux.process import Spec, spawn
from core.linux.rights import held
from core.node.api.debug import Debug
from core.node.api.images import Images
from core.node.api.machine.containers import Containers
from core.node.containers import cni, images, spec
from core.node.containers.attached import LABELS, attached, sweep
from core.node.containers.client import Containerd
from core.node.containers.container import Container, Output, namespace
from core.node.services.containerd import Settings
from core.node.services.logs import Logs
from core.node.services.supervisor import Supervisor
from core.rpc.pb.common import common_pb2
from core.rpc.pb.containerd import containers_pb2, introspection_pb2, namespaces_pb2, task_events_pb2, task_pb2
from core.rpc.pb.machine import debug_pb2, image_pb2
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.status import Code, RpcError
from tests.node.api.calls import calling
from tests.node.containers import oci
from tests.node.containers.house import Table, furnish, machined, root, run
from tests.support.wire import served

IMAGE = "ichor.test/hello:1"
SUBNET = "10.87.3.0/24"


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
    joined = await network.attach("hello", namespace(pid, "net"), ports)
    assert joined.addresses == ("10.87.3.2/24",), joined
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

    await seen_by_clients(containerd, work, group, pid)
    await debugged(containerd, work, group)
    await muted(containerd, work, group)
    await survive(supervisor, container, pid)
    assert run(*outside, hello, "call", "192.0.2.1", "18080") == "hello 192.0.2.2\n"
    await end(container, network, loop, ports, pid, joined)
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


async def seen_by_clients(containerd: Containerd, work: Path, group: str, pid: int) -> None:
    """The same through the node's API, beside what the kernel says."""
    stored = Images(containerd, work)
    system = common_pb2.ContainerdInstance(driver=common_pb2.CRI, namespace=common_pb2.NS_SYSTEM)
    async with calling(Containers(containerd).methods() | stored.methods()) as caller:
        listed = await caller.one("Containers", pb.ContainersResponse, pb.ContainersRequest(namespace="system"))
        (info,) = listed.messages[0].containers
        assert (info.id, info.pid, info.image, info.status) == ("hello", pid, IMAGE, "RUNNING"), info
        before = charged(group)
        stats = await caller.one("Stats", pb.StatsResponse, pb.StatsRequest(namespace="system"))
        (stat,) = stats.messages[0].stats
        for low, value, high in zip(before, (stat.cpu_usage, stat.memory_usage), charged(group), strict=True):
            assert low - (1 << 20) <= value <= high + (1 << 20), (before, stat)
        legacy = pb.ImageListRequest(namespace=common_pb2.NS_SYSTEM)
        old = {image.name: image for image in await caller.all("ImageList", pb.ImageListResponse, legacy)}
        empty = await caller.one("Containers", pb.ContainersResponse, pb.ContainersRequest(namespace="inmem"))
        assert not empty.messages[0].containers
        for request in (pb.RestartRequest(namespace="system", id="none"), pb.RestartRequest(namespace="x", id="hello")):
            code = Code.NOT_FOUND if request.id == "none" else Code.INVALID_ARGUMENT
            assert await code_of(caller.one("Restart", pb.RestartResponse, request)) is code
        pods = pb.ContainersRequest(namespace="k8s.io", driver=common_pb2.CRI)
        assert not (await caller.one("Containers", pb.ContainersResponse, pods)).messages[0].containers
    service = stored.service()
    async with served([service]) as (channel, _):
        listing = image_pb2.ImageServiceListRequest(containerd=system)
        path, reply = "/machine.ImageService/", image_pb2.ImageServiceListResponse
        new = {image.name: image async for image in channel.server_stream(path + "List", listing, reply)}
        assert old.keys() == new.keys() == {IMAGE, "other:2"}
        assert (old[IMAGE].digest, old[IMAGE].size) == (new[IMAGE].digest, new[IMAGE].size)
        assert new[IMAGE].created_at.seconds > 1_700_000_000
        tar = oci.layout([oci.layer({"etc/motd": b"by the API\n"})], "imported:1")

        async def pieces() -> AsyncIterator[image_pb2.ImageServiceImportRequest]:
            yield image_pb2.ImageServiceImportRequest(containerd=system)
            for start in range(0, len(tar), 4096):
                chunk = common_pb2.Data(bytes=tar[start : start + 4096])
                yield image_pb2.ImageServiceImportRequest(image_chunk=chunk)

        done = image_pb2.ImageServiceImportResponse
        assert (await channel.client_stream(path + "Import", pieces(), done)).name == "imported:1"
        names = [image.name async for image in channel.server_stream(path + "List", listing, reply)]
        assert names == [IMAGE, "imported:1", "other:2"]
        gone = image_pb2.ImageServiceRemoveRequest(containerd=system, image_ref="imported:1")
        await channel.unary(path + "Remove", gone, Empty)
        assert await code_of(channel.unary(path + "Remove", gone, Empty)) is Code.NOT_FOUND
        assert not list(work.glob("tmp*"))


async def debugged(containerd: Containerd, work: Path, group: str) -> None:
    """A container on a call: what goes in comes out, its status comes last, and nothing of it stays."""
    debug = Debug(containerd, work / "debug", f"/{group}/debug")
    instance = common_pb2.ContainerdInstance(driver=common_pb2.CRI, namespace=common_pb2.NS_SYSTEM)
    async with served([debug.service()]) as (channel, _):

        def begin() -> Any:
            types = (debug_pb2.DebugContainerRunRequest, debug_pb2.DebugContainerRunResponse)
            return channel.bidi("/machine.DebugService/ContainerRun", *types)

        def run(*args: str, tty: bool = False, image: str = IMAGE) -> debug_pb2.DebugContainerRunRequest:
            wanted = debug_pb2.DebugContainerRunRequestSpec(containerd=instance, image_name=image, args=args, tty=tty)
            return debug_pb2.DebugContainerRunRequest(spec=wanted)

        sent = os.urandom(1 << 20)
        async with begin() as call:
            await call.send(run("/hello", "echo"))

            async def feed() -> None:
                for start in range(0, len(sent), 50_000):
                    await call.send(debug_pb2.DebugContainerRunRequest(stdin_data=sent[start : start + 50_000]))
                await call.end()

            feeding = asyncio.create_task(feed())
            *replies, last = [reply async for reply in call]
            await feeding
        assert b"".join(reply.stdout_data for reply in replies) == sent
        assert last.exit_code == 7, last

        async with begin() as call:  # a terminal: it echoes, and a ^D at the start of a line ends its input
            await call.send(run("/hello", "echo", tty=True))
            size = debug_pb2.DebugContainerTerminalResize(width=100, height=30)
            await call.send(debug_pb2.DebugContainerRunRequest(term_resize=size))
            for number in (-1, 1000):  # none that there is: the rest still comes
                await call.send(debug_pb2.DebugContainerRunRequest(signal=number))
            await call.send(debug_pb2.DebugContainerRunRequest(stdin_data=b"hi\n\x04"))
            *replies, last = [reply async for reply in call]
        assert b"".join(reply.stdout_data for reply in replies).count(b"hi\r\n") == 2
        assert last.exit_code == 8, last

        async with begin() as call:
            await call.send(run())  # what the image runs by itself
            assert (await anext(call)).stdout_data == b"listening, GREETING=hi\n"
            await call.send(debug_pb2.DebugContainerRunRequest(signal=signal.SIGKILL))
            assert (await anext(call)).exit_code == 137
        async with begin() as call:  # left while it runs
            await call.send(run())
            await anext(call)
        for code, request in (
            (Code.NOT_FOUND, run(image="none:1")),
            (Code.INVALID_ARGUMENT, debug_pb2.DebugContainerRunRequest(stdin_data=b"x")),
        ):
            async with begin() as call:
                await call.send(request)
                assert await code_of(anext(call)) is code
        async with asyncio.timeout(20):
            while list((work / "debug").iterdir()) or await running(containerd) != ["hello"]:  # noqa: ASYNC110
                await asyncio.sleep(0.02)


async def muted(containerd: Containerd, work: Path, group: str) -> None:
    """Nobody holds the output any more, and the loop is not told of that; what is left over goes, and this stays."""
    image = await images.find(containerd, IMAGE)

    def choices(name: str) -> spec.Choices:
        return spec.Choices(["/hello", "mute"], cgroup=f"/{group}/debug/{name}")

    container, folder = Container(containerd, "mute"), work / "debug"
    async with asyncio.timeout(30), attached(container, image, choices("mute"), folder) as session:
        out = session.stdout
        while others_hold(Path(os.fsdecode(out.name))):  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.02)
        ready = select.poll()
        ready.register(out.fileno(), select.POLLIN)
        assert ready.poll(0) == []

        left = Container(containerd, "left")
        await left.create(image, spec.build(choices("left"), held()), LABELS)
        await left.prepare()
        await left.start()
        (folder / "left").mkdir()
        (folder / "earlier").mkdir()
        await sweep(containerd, folder)
        assert sorted(await running(containerd)) == ["hello", "mute"]
        assert [place.name for place in folder.iterdir()] == ["mute"]
        assert not session.ending.done()


def others_hold(path: Path) -> bool:
    """Whether a process beside this one has the file open."""
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if link.parts[2] != str(os.getpid()) and link.readlink() == path:
                return True
    return False


async def running(containerd: Containerd) -> list[str]:
    reply = containers_pb2.ListContainersResponse
    found = await containerd.call("containers", "List", containers_pb2.ListContainersRequest(), reply)
    return [container.id for container in found.containers]


def charged(group: str) -> tuple[int, int]:
    """Nanoseconds and bytes that the kernel counts for the container."""
    cpu = Path(f"/sys/fs/cgroup/cpuacct/{group}/hello/cpuacct.usage")
    if cpu.exists():
        memory = Path(f"/sys/fs/cgroup/memory/{group}/hello/memory.usage_in_bytes")
        return int(cpu.read_text()), int(memory.read_text())
    folder = Path(f"/sys/fs/cgroup/{group}/hello")
    times = dict(line.split() for line in (folder / "cpu.stat").read_text().splitlines())
    return int(times["usage_usec"]) * 1000, int((folder / "memory.current").read_text())


async def code_of(call: Awaitable[object]) -> Code:
    try:
        await call
    except RpcError as error:
        return error.code
    return Code.OK


async def end(
    container: Container,
    network: cni.Network,
    loop: cni.Network,
    ports: list[cni.Port],
    pid: int,
    joined: cni.Attachment,
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
    await network.detach("hello", namespace(pid, "net"), ports, result=joined.result)
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
