"""The smaller services over a socket: META's keys, time, the graph of controllers, disks, health, and what is not
there yet."""

import asyncio
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration

from core.base.clock import Clock, SystemClock
from core.codec import meta as codec
from core.codec.ntp import Sample
from core.node.api import clock, disks, health, inspect, later
from core.node.api.machine import meta
from core.node.controllers.block import MetaKeys, Place
from core.node.resources import NAMESPACES, REGISTRY
from core.node.resources.block import Disk, SystemDisk, VolumePhase, VolumeStatus
from core.node.resources.config import MachineType, MachineTypeSpec
from core.node.resources.network import TimeServerStatus
from core.node.resources.runtime import MachineStatus, MetaKey
from core.node.resources.runtime.machine import MachineStatusStatus
from core.node.resources.time import TimeStatus
from core.rpc.pb.cluster import cluster_pb2
from core.rpc.pb.inspect import inspect_pb2
from core.rpc.pb.machine import lifecycle_pb2
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.pb.storage import storage_pb2
from core.rpc.pb.time import time_pb2
from core.rpc.status import Code, RpcError
from core.state import Controller, Resource, Runtime, Store, destroy_ready, exclusive, shared, strong, weak
from tests.node.api.calls import Caller, calling
from tests.support.clock import FakeClock, on_loop


def make_store() -> Store:
    return Store(REGISTRY, FakeClock(), NAMESPACES)


@on_loop
async def test_meta_keys_are_on_the_medium_and_among_the_resources(tmp_path: Path) -> None:
    (tmp_path / "meta").touch()
    store, keys = make_store(), MetaKeys(Place(root=tmp_path))
    runtime = Runtime(store, SystemClock())
    runtime.register(keys)
    async with calling(meta.methods(keys)) as caller, asyncio.TaskGroup() as group:
        running = group.create_task(runtime.run())
        await runtime.rested()
        assert await refused(caller, pb.MetaWriteRequest(key=10, value=b"x")) is Code.UNAVAILABLE
        status = VolumeStatus(phase=VolumePhase.READY, location="meta")
        store.create(Resource.of("META", status))
        while store.find(MetaKey.at("0x0a")) is None:
            if await refused(caller, pb.MetaWriteRequest(key=10, value=b"hostname: a")) is Code.UNAVAILABLE:
                await asyncio.sleep(0)
        assert store.get(MetaKey.at("0x0a")).spec.value == "hostname: a"
        assert codec.decode((tmp_path / "meta").read_bytes()) == {10: b"hostname: a"}
        wrong = (
            (pb.MetaWriteRequest(key=256), Code.INVALID_ARGUMENT),
            (pb.MetaWriteRequest(key=0), Code.INVALID_ARGUMENT),
            (pb.MetaWriteRequest(key=11, value=bytes(codec.CAPACITY)), Code.RESOURCE_EXHAUSTED),
            (pb.MetaDeleteRequest(key=11), Code.NOT_FOUND),
        )
        for request, code in wrong:
            assert await refused(caller, request) is code
        assert codec.decode((tmp_path / "meta").read_bytes()) == {10: b"hostname: a"}
        answer = await caller.one("MetaDelete", pb.MetaDeleteResponse, pb.MetaDeleteRequest(key=10))
        assert answer == pb.MetaDeleteResponse(messages=[pb.MetaDelete()])
        assert store.find(MetaKey.at("0x0a")) is None
        running.cancel()


async def refused(caller: Caller, request: pb.MetaWriteRequest | pb.MetaDeleteRequest) -> Code:
    name = type(request).__name__.removesuffix("Request")
    try:
        await caller.one(name, getattr(pb, f"{name}Response"), request)
    except RpcError as error:
        return error.code
    return Code.OK


@on_loop
async def test_time_beside_a_servers() -> None:
    asked = []

    async def query(server: str, _: Clock) -> Sample:
        asked.append(server)
        if server == "nowhere.test":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return Sample(offset=2.5, delay=0.01, stratum=2, leap=0, poll=6, reference=b"GPS\0")

    store, fake = make_store(), FakeClock()
    service = clock.TimeService(store, fake, query).service()
    async with calling(dict(service.methods), service.name) as caller:
        with pytest.raises(RpcError) as caught:
            await caller.one("Time", time_pb2.TimeResponse)
        assert caught.value.code is Code.UNAVAILABLE
        store.create(Resource.of("timeservers", TimeServerStatus(ntp_servers=("a.test", "b.test"))))
        (first,) = (await caller.one("Time", time_pb2.TimeResponse)).messages
        await caller.one("TimeCheck", time_pb2.TimeResponse, time_pb2.TimeRequest(server="c.test"))
        with pytest.raises(RpcError, match="/dev/ptp0"):
            await caller.one("TimeCheck", time_pb2.TimeResponse, time_pb2.TimeRequest(server="/dev/ptp0"))
        with pytest.raises(RpcError, match="server is empty") as caught:
            await caller.one("TimeCheck", time_pb2.TimeResponse, time_pb2.TimeRequest())
        assert caught.value.code is Code.INVALID_ARGUMENT
        with pytest.raises(RpcError, match=r"nowhere\.test cannot be asked: Name or service not known") as caught:
            await caller.one("TimeCheck", time_pb2.TimeResponse, time_pb2.TimeRequest(server="nowhere.test"))
        assert caught.value.code is Code.UNAVAILABLE
    assert asked == ["a.test", "c.test", "nowhere.test"]
    assert first.server == "a.test"
    assert first.remotetime.ToNanoseconds() - first.localtime.ToNanoseconds() == 2_500_000_000
    assert first.localtime.ToNanoseconds() == int(fake.now() * 10**9)


class Grapher(Controller):
    """Declares one of everything."""

    name = "test.Grapher"
    inputs = (weak(Disk), strong(SystemDisk.at("system-disk")), destroy_ready(TimeStatus))
    outputs = (exclusive(MetaKey), shared(MachineStatus))


@on_loop
async def test_the_graph_is_what_controllers_declare() -> None:
    runtime = Runtime(make_store(), FakeClock())
    runtime.register(Grapher())
    service = inspect.service(runtime)
    async with calling(dict(service.methods), service.name) as caller:
        reply = inspect_pb2.ControllerRuntimeDependenciesResponse
        (message,) = (await caller.one("ControllerRuntimeDependencies", reply)).messages
    name = inspect_pb2.DependencyEdgeType.Name
    assert [(name(e.edge_type), e.resource_namespace, e.resource_type, e.resource_id) for e in message.edges] == [
        ("OUTPUT_EXCLUSIVE", "", "MetaKeys.runtime.talos.dev", ""),
        ("OUTPUT_SHARED", "", "MachineStatuses.runtime.talos.dev", ""),
        ("INPUT_WEAK", "runtime", "Disks.block.talos.dev", ""),
        ("INPUT_STRONG", "runtime", "SystemDisks.block.talos.dev", "system-disk"),
        ("INPUT_DESTROY_READY", "runtime", "TimeStatuses.v1alpha1.talos.dev", ""),
    ]
    assert {e.controller_name for e in message.edges} == {"test.Grapher"}


@on_loop
async def test_disks_are_the_resources() -> None:
    store = make_store()
    store.create(Resource.of("vda", Disk("/dev/vda", 10 << 30, rotational=True, serial="s", wwid="w")))
    store.create(Resource.of("nvme0n1", Disk("/dev/nvme0n1", 1 << 30, transport="nvme", sub_system="/sys/class/block")))
    store.create(Resource.of("sr0", Disk("/dev/sr0", 1 << 20, cdrom=True, readonly=True)))
    store.create(Resource.of("system-disk", SystemDisk(disk_id="vda", dev_path="/dev/vda")))
    service = disks.service(store)
    async with calling(dict(service.methods), service.name) as caller:
        (message,) = (await caller.one("Disks", storage_pb2.DisksResponse)).messages
    found = {disk.device_name: disk for disk in message.disks}
    kinds = {name: storage_pb2.Disk.DiskType.Name(disk.type) for name, disk in found.items()}
    assert kinds == {"/dev/vda": "HDD", "/dev/nvme0n1": "NVME", "/dev/sr0": "CD"}
    assert [name for name, disk in found.items() if disk.system_disk] == ["/dev/vda"]
    assert found["/dev/sr0"].readonly


def node(store: Store, up: bool) -> Any:
    state = SimpleNamespace(value="Preparing")
    unit = SimpleNamespace(
        up=up,
        service=SimpleNamespace(on_demand=False, awaited=True),
        state=state,
        record=SimpleNamespace(health_message=""),
    )
    etcd = SimpleNamespace(up=False, service=SimpleNamespace(on_demand=False, awaited=False), state=state)
    units = {"apid": unit, "etcd": etcd}
    services = SimpleNamespace(units=units, unit=units.__getitem__)
    return SimpleNamespace(store=store, clock=SystemClock(), services=services, etcd=SimpleNamespace(begun=False))


async def checked(node: Any, seconds: int = 0) -> tuple[list[str], Code]:
    service, lines = health.service(node), []
    async with calling(dict(service.methods), service.name) as caller:
        request = cluster_pb2.HealthCheckRequest(wait_timeout=Duration(seconds=seconds))
        replies = caller.stream("HealthCheck", cluster_pb2.HealthCheckProgress, request)
        try:
            async for progress in replies:
                lines.append(progress.message)
        except RpcError as error:
            return lines, error.code
    return lines, Code.OK


@on_loop
async def test_health_is_told_line_by_line() -> None:
    store = make_store()
    assert await checked(node(store, True)) == ([], Code.UNIMPLEMENTED)
    store.create(Resource.of("machine-type", MachineTypeSpec(MachineType.CONTROLPLANE)))
    told, code = await checked(node(store, False))
    assert (told, code) == (
        ["waiting for all services to be up and healthy: apid (Preparing)"],
        Code.DEADLINE_EXCEEDED,
    )
    store.create(Resource.of("machine", MachineStatus(status=MachineStatusStatus(ready=True))))
    told, code = await checked(node(store, True))
    well = ["all services to be up and healthy", "etcd to be healthy", "the node to be ready"]
    assert (told[:3], code) == ([f"waiting for {what}: OK" for what in well], Code.OK)
    assert told[3] == "not looked at: etcd waits for somebody to bootstrap the cluster"


@on_loop
async def test_a_cluster_that_was_bootstrapped_is_healthy_with_its_etcd() -> None:
    store = make_store()
    store.create(Resource.of("machine-type", MachineTypeSpec(MachineType.CONTROLPLANE)))
    sick = node(store, True)
    sick.etcd.begun = True
    sick.services.units["etcd"].record = SimpleNamespace(health_message="no leader")
    told, code = await checked(sick)
    assert (told[-1], code) == ("waiting for etcd to be healthy: no leader", Code.DEADLINE_EXCEEDED)


@on_loop
async def test_what_is_not_there_yet_says_so_in_the_form_of_its_call() -> None:
    async with calling(later.machine()) as caller:
        with pytest.raises(RpcError, match="this node cannot write another image to itself yet") as caught:
            await caller.one("Rollback", pb.RollbackResponse, pb.RollbackRequest())
        assert caught.value.code is Code.UNIMPLEMENTED
    lifecycle = next(service for service in later.services() if "Lifecycle" in service.name)
    async with calling(dict(lifecycle.methods), lifecycle.name) as caller:
        with pytest.raises(RpcError, match="image"):
            reply, request = lifecycle_pb2.LifecycleServiceUpgradeResponse, lifecycle_pb2.LifecycleServiceUpgradeRequest
            await caller.all("Upgrade", reply, request())
