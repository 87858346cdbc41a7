"""Two control planes and a worker in this process: real doors, trustds, certificates and configs, on a network of their
own. What of a node is not about its authority is left out."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
from google.protobuf.empty_pb2 import Empty

from core.base.clock import SystemClock
from core.config import client, generate
from core.config.generate import Options
from core.config.load import load
from core.node.api import access
from core.node.api.state import State
from core.node.api.trust import Authority
from core.node.controllers.config import machine_type
from core.node.controllers.k8s.network.endpoints import StaticEndpoint
from core.node.controllers.runtime import Maintenance
from core.node.controllers.secrets import APICertificates, CertSANs, TrustdCertificates, os_root
from core.node.front import Door
from core.node.holders import Holders, Joined
from core.node.resources.block import VolumePhase, VolumeStatus
from core.node.resources.config import AcquireConfigStatus, MachineConfig
from core.node.resources.network import HostnameStatus, NodeAddress
from core.node.resources.secrets import APICerts
from core.node.survivor import Survivor
from core.node.trust.desk import Desk
from core.node.trust.rate import Rate
from core.rpc.client import Channel
from core.rpc.context import Context
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.server import Server
from core.rpc.service import Service, unary
from tests.node.controllers.house import House
from tests.node.trust.house import NOW, SECRETS, work
from tests.support.fdtable import FdTable

ADDRESSES: Final = {"cp-1": "10.9.0.1", "cp-2": "10.9.0.2", "w-1": "10.9.0.3"}
OPTIONS: Final = Options(name="c", endpoint="https://10.9.0.1:6443")


class Machine(House):
    """Called `name`. `applied` counts the configs it was given."""

    def __init__(self, name: str) -> None:
        self.name, self.address, self.applied = name, ADDRESSES[name], 0
        controllers = [
            Maintenance(),
            os_root(),
            CertSANs(),
            machine_type(),
            StaticEndpoint(),
            APICertificates(work),
            TrustdCertificates(),
        ]
        super().__init__(SystemClock(), controllers)
        make = generate.worker if name.startswith("w") else generate.control_plane
        self.put("STATE", VolumeStatus(phase=VolumePhase.MISSING))
        self.put("config", AcquireConfigStatus())
        self.put("accumulative", NodeAddress(addresses=(f"{self.address}/24",)))
        self.put("current", NodeAddress(addresses=(f"{self.address}/24",)))
        self.put("hostname", HostnameStatus(hostname=name))
        self.hold(make(SECRETS, OPTIONS))
        machine = {
            "Version": unary(self.version, Empty, pb.VersionResponse),
            "Hostname": unary(self.hostname, Empty, pb.HostnameResponse),
            "ApplyConfiguration": unary(self.apply, pb.ApplyConfigurationRequest, pb.ApplyConfigurationResponse),
        }
        state = State(self.store, partial(access.roles, self.store)).service()
        services = [Service("machine.MachineService", machine), state]
        self.server = Server(services, guard=partial(access.check_call, self.store))

    def hold(self, text: bytes) -> None:
        """This config is in force, and stored."""
        for place in ("v1alpha1", "persistent"):
            self.put(place, MachineConfig(yaml_marshalled=text))

    async def version(self, ctx: Context, request: Empty) -> pb.VersionResponse:
        return pb.VersionResponse(messages=[pb.Version(version=pb.VersionInfo(tag=self.name))])

    async def hostname(self, ctx: Context, request: Empty) -> pb.HostnameResponse:
        return pb.HostnameResponse(messages=[pb.Hostname(hostname=self.name)])

    async def apply(self, ctx: Context, request: pb.ApplyConfigurationRequest) -> pb.ApplyConfigurationResponse:
        self.hold(load(request.data).text)
        self.applied += 1
        return pb.ApplyConfigurationResponse(messages=[pb.ApplyConfiguration()])


Machines = dict[str, Machine]


def administrator() -> client.Context:
    """Who may do everything, by the first authority."""
    context = generate.client_config(SECRETS, OPTIONS, NOW).get()
    return msgspec.structs.replace(context, endpoints=(ADDRESSES["cp-1"],), nodes=tuple(ADDRESSES.values()))


@asynccontextmanager
async def machines(folder: Path, names: Sequence[str] = tuple(ADDRESSES)) -> AsyncIterator[Machines]:
    """All of them, each with its certificates."""
    made: Machines = {}
    async with AsyncExitStack() as stack:
        for name in names:
            made[name] = await stack.enter_async_context(running(folder, Machine(name)))
        for one in made.values():
            await one.until(lambda one=one: one.one(APICerts, "api"))  # type: ignore[misc] # mypy infers no default
        yield made


@asynccontextmanager
async def running(folder: Path, machine: Machine) -> AsyncIterator[Machine]:
    """Its door, and on a control plane its trustd."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(machine.running())
        await stack.enter_async_context(_door(folder, machine))
        if not machine.name.startswith("w"):
            await stack.enter_async_context(_trustd(folder, machine))
        yield machine


@asynccontextmanager
async def _door(folder: Path, machine: Machine) -> AsyncIterator[None]:
    async with _behind(folder / f"{machine.name}.apid", machine.server) as channel:
        door = Door(channel, SystemClock())
        with socket.create_server((machine.address, 50000)) as front:
            async with _task(door.serve(front)):
                yield
            await door.server.drain(0)


@asynccontextmanager
async def _trustd(folder: Path, machine: Machine) -> AsyncIterator[None]:
    table, clock = FdTable(), SystemClock()
    ledger = Survivor(table, "joined", dict[str, Joined])
    server = Server([Authority(machine.store, Holders(machine.store, ledger, clock), work, clock).service()])
    async with _behind(folder / f"{machine.name}.trustd", server) as channel:
        desk = Desk(channel, clock, Rate(clock, limit=1000))
        with socket.create_server((machine.address, 50001)) as front:
            async with _task(desk.serve(front)):
                yield
            await desk.server.drain(0)
    ledger.close()
    table.close()


@asynccontextmanager
async def _behind(path: Path, server: Server) -> AsyncIterator[Channel]:
    """machined's socket, and a channel to it."""
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as own:
        own.bind(str(path))
        own.listen()
        async with Channel(path) as channel:
            await server.serve(own)
            yield channel
            await server.drain(0)


@asynccontextmanager
async def _task(work: object) -> AsyncIterator[None]:
    task = asyncio.ensure_future(work)  # type: ignore[call-overload] # a coroutine
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
