"""The node's part of test_pull, run as PID 1 of namespaces of its own: the image's containerd, and a registry that it
knows as `example.test`, behind a relay. Says `ok` when all of it held."""

import asyncio
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
from google.protobuf.empty_pb2 import Empty

from core.base.errors import IchorError
from core.config import generate
from core.config.load import load
from core.config.merge import merge
from core.node.api.images import NAME, Images
from core.node.containers import images, spec
from core.node.containers.client import Containerd
from core.node.containers.container import Container
from core.node.containers.progress import Layer, Phase
from core.node.containers.pull import PODS, Pulls
from core.node.controllers.cri import ImageGC
from core.node.controllers.cri.garbage import INTERVAL
from core.node.resources.config import MachineConfig
from core.node.resources.services import Service
from core.rpc.client import Channel
from core.rpc.pb.common import common_pb2
from core.rpc.pb.containerd import images_pb2, leases_pb2
from core.rpc.pb.machine import image_pb2 as pb
from core.rpc.pb.machine import machine_pb2
from core.rpc.status import Code, RpcError
from tests.node.api.calls import calling
from tests.node.containers import oci
from tests.node.containers.house import REGISTRIES, Table, furnish, machined, root
from tests.node.controllers.house import House as Controllers
from tests.support.clock import FakeClock
from tests.support.registry import Registry, registry
from tests.support.relay import Relay, relayed

STORE = Path("/var/lib/containerd")
CONTENT = STORE / "io.containerd.content.v1.content"
LOGGED = Path("/run/registry")
LARGE = 8 << 20
PLENTY = 1 << 40
CONFIG = load(
    generate.control_plane(generate.new_secrets(1_700_000_000.0), generate.Options(name="c", endpoint="https://x:6443"))
)
HOSTS = """server = "https://example.test"
capabilities = ["push"]
[host."http://127.0.0.1:{}"]
"""
SMALL = [oci.layer({"etc/motd": b"small\n"}), oci.layer({"etc/issue": b"smaller\n"})]


@dataclass(frozen=True)
class House:
    """What the cases need."""

    containerd: Containerd
    socket: str
    registry: Registry
    relay: Relay

    @property
    def pulls(self) -> Pulls:
        return Pulls(self.containerd)

    def within(self, namespace: str) -> Containerd:
        return replace(self.containerd, namespace=namespace)

    async def names(self, namespace: str) -> list[str]:
        request, reply = images_pb2.ListImagesRequest(), images_pb2.ListImagesResponse
        found = await self.within(namespace).call("images", "List", request, reply)
        return sorted(image.name for image in found.images)

    async def followed(self, namespace: str, name: str) -> tuple[dict[str, list[Phase]], str]:
        """The phases of each layer, and the name."""
        *layers, last = [item async for item in self.pulls.follow(namespace, name)]
        assert isinstance(last, str), last
        seen: dict[str, list[Phase]] = {}
        for layer in layers:
            assert isinstance(layer, Layer)
            assert 0 <= layer.offset <= layer.total
            seen.setdefault(layer.digest, []).append(layer.phase)
        return seen, last

    async def empty(self) -> None:
        """Remove every image, and wait until nothing is left of any."""
        for namespace in ("system", PODS):
            within = self.within(namespace)
            for name in await self.names(namespace):
                await within.call("images", "Delete", images_pb2.DeleteImageRequest(name=name, sync=True), Empty)
        await self.nothing()

    async def nothing(self) -> None:
        """Wait until containerd's store is empty: on disk, which is all that counts."""
        async with asyncio.timeout(30):
            while left := [*blobs(), *snapshots(), *await self.leases()]:
                assert left
                await asyncio.sleep(0.02)

    async def leases(self) -> list[str]:
        found = await self.within(PODS).call("leases", "List", leases_pb2.ListRequest(), leases_pb2.ListResponse)
        return [lease.id for lease in found.leases]


def blobs() -> Iterator[str]:
    """Blobs, whole or begun."""
    for folder in (CONTENT / "ingest", CONTENT / "blobs/sha256"):
        yield from (path.name for path in folder.glob("*"))


def part_of_a_layer() -> Iterator[int]:
    """The bytes on disk of each layer that is begun. A manifest or a config is there in the same way, for a moment
    before it is whole: who is given up then has nothing that a next pull could go on with."""
    for ref in (CONTENT / "ingest").glob("*/ref"):
        with suppress(FileNotFoundError):  # it has just become whole
            if "/layer-" in ref.read_text():
                yield ref.with_name("data").stat().st_size


def snapshots() -> Iterator[str]:
    yield from (path.name for path in (STORE / "io.containerd.snapshotter.v1.overlayfs/snapshots").glob("*"))


async def refused(pulls: Pulls, name: str, text: str, namespace: str = "system") -> None:
    try:
        await pulls.pull(namespace, name)
    except IchorError as error:
        assert text in str(error), error
    else:
        raise AssertionError(f"{name} was pulled")


async def a_small_one(house: House) -> None:
    """Into each namespace; a second time; by digest; what is nowhere."""
    digest = house.registry.push(oci.layout(SMALL, "x"), "lib/small", "1")
    seen, name = await house.followed("system", "example.test/lib/small:1")
    assert name == "example.test/lib/small:1"
    assert len(seen) == 2
    assert {phases[-1] for phases in seen.values()} == {Phase.EXTRACTED}, seen
    assert await house.names("system") == [name]
    assert await house.names(PODS) == []
    image = await images.find(house.within("system"), name)
    assert image.target.digest == digest
    seen, _ = await house.followed("system", name)
    assert {phases[-1] for phases in seen.values()} <= {Phase.EXTRACTED, Phase.EXISTED}, seen
    for _ in range(2):
        seen, name = await house.followed(PODS, "example.test/lib/small:1")
    assert [phases[-1] for phases in seen.values()] == [Phase.EXISTED] * len(seen), seen
    pods = await house.names(PODS)
    assert pods == [name, f"example.test/lib/small@{digest}", image.manifest.config.digest]
    assert await house.pulls.pull("system", f"example.test/lib/small:1@{digest}") == pods[1]
    assert await house.names("system") == pods[:2]
    assert await house.names(PODS) == pods  # what pods have is not taken from them
    await refused(house.pulls, "example.test/lib/small:2", "not found")
    await refused(house.pulls, f"example.test/lib/small@sha256:{'0' * 64}", "not found")
    await refused(house.pulls, "example.test/LIB", "no name of an image")
    await house.empty()


async def one_of_many(house: House) -> None:
    """An index: the manifest for this machine is taken, and the record names the index."""
    digest = house.registry.push(oci.many({"amd64": SMALL[:1], "arm64": SMALL}, "x"), "lib/many", "1")
    name = await house.pulls.pull("system", "example.test/lib/many:1")
    image = await images.find(house.within("system"), name)
    assert image.index is not None
    assert image.index.digest == digest
    assert len(image.manifest.layers) == 1
    await house.empty()


async def a_lie(house: House) -> None:
    """A registry whose blob is not what its digest says."""
    house.registry.push(oci.layout([oci.layer({"a": os.urandom(4096)})], "x"), "lib/lie", "1")
    held = max(house.registry.storage.glob("docker/registry/v2/blobs/sha256/*/*/data"), key=lambda p: p.stat().st_size)
    data = held.read_bytes()
    held.write_bytes(data[:100] + bytes([data[100] ^ 1]) + data[101:])
    await refused(house.pulls, "example.test/lib/lie:1", "digest")
    await house.nothing()
    shutil.rmtree(house.registry.storage)


async def given_up(house: House) -> None:
    """Left in the middle: nothing stays. Killed in the middle: the next one goes on where that was."""
    name = "example.test/lib/large:1"
    house.registry.push(oci.layout([oci.layer({"a": os.urandom(LARGE)})], "x"), "lib/large", "1")
    await house.relay.stop(LARGE // 2)
    async with aclosing(house.pulls.follow("system", name)) as pull:
        layer = await anext(pull)
        while not (isinstance(layer, Layer) and layer.offset):
            layer = await anext(pull)
    assert 0 < layer.offset < layer.total
    assert layer.phase is Phase.DOWNLOADING
    await house.nothing()
    assert await house.names(PODS) == []

    await house.relay.stop(LARGE // 2)
    async with Channel(house.socket) as channel:  # a machined of its own
        doomed = asyncio.create_task(Pulls(replace(house.containerd, channel=channel)).pull("system", name))
        while not any(part_of_a_layer()):  # noqa: ASYNC110 - files tell nobody
            await asyncio.sleep(0.02)
    await asyncio.gather(doomed, return_exceptions=True)
    assert '" 206 ' not in (LOGGED / "log").read_text()
    await house.relay.stop(PLENTY)
    assert await house.pulls.pull("system", name) == name
    # partial content: a range was asked for, which the registry notes once it has answered
    async with asyncio.timeout(30):
        while '" 206 ' not in (LOGGED / "log").read_text():  # noqa: ASYNC110 - files tell nobody
            await asyncio.sleep(0.02)
    (left,) = await house.leases()  # that of the dead: containerd drops it some day
    await house.within(PODS).call("leases", "Delete", leases_pb2.DeleteRequest(id=left), Empty)
    await house.empty()


async def two_at_once(house: House) -> None:
    name = "example.test/lib/large:1"
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(house.pulls.pull(where, name)) for where in ("system", "system", PODS)]
    assert {task.result() for task in tasks} == {name}
    assert await house.names("system") == [name]
    await house.empty()


async def by_the_api(house: House) -> None:
    """As clients ask: with progress and the name last; the older way; what the registry refuses is said."""
    name = "example.test/lib/small:1"
    house.registry.push(oci.layout(SMALL, "x"), "lib/small", "1")
    stored = Images(house.containerd)
    system = common_pb2.ContainerdInstance(driver=common_pb2.CRI, namespace=common_pb2.NS_SYSTEM)
    async with calling(dict(stored.service().methods), NAME) as caller:
        request = pb.ImageServicePullRequest(containerd=system, image_ref=name)
        *layers, last = await caller.all("Pull", pb.ImageServicePullResponse, request)
        assert last.name == name
        ends = {layer.pull_progress.layer_id: layer.pull_progress.progress for layer in layers}
        assert len(ends) == 2
        assert all(end.status == end.EXTRACT_COMPLETE and end.offset == end.total > 0 for end in ends.values()), ends
        request.image_ref = "example.test/lib/small:none"
        try:
            await caller.all("Pull", pb.ImageServicePullResponse, request)
        except RpcError as error:
            assert error.code is Code.NOT_FOUND, error
            assert "small:none" in str(error), error
        else:
            raise AssertionError("what is not there was pulled")
    async with calling(stored.methods()) as caller:
        asked = machine_pb2.ImagePullRequest(namespace=common_pb2.NS_CRI, reference=name)
        reply = await caller.one("ImagePull", machine_pb2.ImagePullResponse, asked)
        assert len(reply.messages) == 1
    assert name in await house.names(PODS)
    await house.empty()


async def collected(house: House) -> None:
    """What no container runs from and no config names goes an hour after it was first seen unused."""
    for name, layers in (("small", SMALL), ("other", SMALL[:1]), ("kept", SMALL[1:])):
        house.registry.push(oci.layout(layers, "x"), f"lib/{name}", "1")
        await house.pulls.pull("system", f"example.test/lib/{name}:1")
    used, other, kept = (f"example.test/lib/{name}:1" for name in ("small", "other", "kept"))
    system = house.within("system")
    image = await images.find(system, used)
    await house.pulls.pull("system", f"example.test/lib/small@{image.target.digest}")
    names = sorted((used, f"example.test/lib/small@{image.target.digest}", other, kept))
    container = Container(system, "user")
    await container.create(image, spec.build(spec.Choices(["/x"]), frozenset()))
    clock = FakeClock()
    node = Controllers(clock, [ImageGC(house.containerd)])
    patch = msgspec.json.encode({"machine": {"kubelet": {"image": kept}}})
    node.put("v1alpha1", MachineConfig(yaml_marshalled=merge(CONFIG, patch).text))
    node.put("cri", Service(running=True, healthy=True, unknown=False))

    async def after_an_hour() -> list[str]:
        """The names once the controller has looked, which shows in when it will look again."""
        await clock.advance(INTERVAL)
        async with asyncio.timeout(30):
            while clock.sleeping[:1] != [INTERVAL]:  # noqa: ASYNC110 - a clock that stands tells nobody
                await asyncio.sleep(0.01)
        return await house.names("system")

    async with node.running():
        assert await after_an_hour() == names
        names.remove(other)
        assert await after_an_hour() == names
        assert await after_an_hour() == names
        await container.remove()
        assert await after_an_hour() == names
        assert await after_an_hour() == [kept]
    await house.empty()


async def main() -> None:
    programs, work, group = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    furnish(work)
    root(programs, work)
    with registry(LOGGED, "127.0.0.1:5000") as served:
        async with (
            relayed(served.address) as relay,
            machined(programs, work, group, Table()) as (_, containerd, settings, _),
        ):
            await containerd.make_namespaces()
            folder = REGISTRIES / "example.test"
            folder.mkdir(parents=True)
            (folder / "hosts.toml").write_text(HOSTS.format(relay.port))
            house = House(containerd, settings.socket, served, relay)
            await relay.stop(PLENTY)
            for case in (a_small_one, one_of_many, a_lie, given_up, two_at_once, by_the_api, collected):
                await case(house)
    print("ok")


asyncio.run(main())
